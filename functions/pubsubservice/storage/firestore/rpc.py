"""The three calls that Firestore gets from us, over one gRPC channel per process, and what failures mean.

Plain stubs on a channel, with the raw messages of google-cloud-firestore. Its generated client would add what
must not be: it tries commits again for 60 s, so that one's own success comes back as ALREADY_EXISTS. And it
costs two to four times the CPU: it wraps each message, and reads each stream through a thread of its own.
The calls: https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import grpc  # type: ignore[import-untyped]

from pubsubservice._version import __version__
from pubsubservice.core.meter import meter
from pubsubservice.core.runtime import Runtime
from pubsubservice.storage.firestore.documents import check_message
from pubsubservice.storage.firestore.forks import calling
from pubsubservice.storage.firestore.protos import types
from pubsubservice.storage.port import Changed, Exists, Refused, StoreError, Unknown

__all__ = ["READ_TOTAL_S", "Calls", "explain_failure"]

#: A commit gets one try; past this time it may or may not have happened.
COMMIT_TIMEOUT_S = 10.0
#: A read is tried again, because it changes nothing: at most so often, and in so long.
READ_TRIES = 4
READ_TRY_TIMEOUT_S = 10.0
READ_TOTAL_S = 20.0
READ_BACKOFF_S = 0.1

_SERVICE = "/google.firestore.v1.Firestore/"
_CLOUD = "firestore.googleapis.com:443"
_SCOPES = ("https://www.googleapis.com/auth/datastore",)
_OPTIONS = (
    ("grpc.primary_user_agent", f"pubsubservice/{__version__}"),
    # Nothing may send a commit twice, gRPC included.
    ("grpc.enable_retries", 0),
    # Channels share connections otherwise, and a forked child's would go on with its parent's.
    ("grpc.use_local_subchannel_pool", 1),
    # A frozen and thawed instance finds its connection dead: notice it before the call's timeout.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # gRPC waits 1 to 120 s before it connects again, and fails each call until then; a restart takes less.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # grpc.experimental.ChannelOptions.SingleThreadedUnaryStream: no thread per stream, so a look-up of ten
    # documents costs 0.7 ms of CPU instead of 2.0. A version that does not know the option ignores it.
    ("SingleThreadedUnaryStream", 1),
)

#: By the exact code: REST, and a base class in the library, make one conflict of ALREADY_EXISTS and ABORTED.
#: ABORTED and RESOURCE_EXHAUSTED say "try again", not "nothing happened".
_MEANINGS: dict[grpc.StatusCode, type[StoreError]] = {
    grpc.StatusCode.ALREADY_EXISTS: Exists,
    grpc.StatusCode.FAILED_PRECONDITION: Changed,
    grpc.StatusCode.NOT_FOUND: Changed,
    grpc.StatusCode.INVALID_ARGUMENT: Refused,
    grpc.StatusCode.PERMISSION_DENIED: Refused,
}
#: A read that failed so will fail so again.
_FINAL = frozenset([*_MEANINGS, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED])

#: Channels that a child inherited by fork: closing or collecting one would speak on the parent's connection.
_inherited: list[_Channel] = []


def explain_failure(error: grpc.RpcError, *, conditional: bool = False) -> StoreError:
    """The port's error for a failed call.

    Only an update is `conditional`. Elsewhere FAILED_PRECONDITION and NOT_FOUND tell of the database itself
    (absent, or in Datastore mode), and nothing was done.
    """
    code = error.code()
    meaning = _MEANINGS.get(code, Unknown)
    if meaning is Changed and not conditional:
        meaning = Refused
    return meaning(f"{code.name}: {error.details()}")


class _Channel:
    """A channel and its stubs, good in the process that made them."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.pid = os.getpid()
        # The stubs of a single-threaded channel do not keep it alive.
        self.channel = channel
        self.commit = channel.unary_unary(
            _SERVICE + "Commit",
            request_serializer=types.CommitRequest.pb().SerializeToString,
            response_deserializer=types.CommitResponse.pb().FromString,
        )
        self.batch_get = channel.unary_stream(
            _SERVICE + "BatchGetDocuments",
            request_serializer=types.BatchGetDocumentsRequest.pb().SerializeToString,
            response_deserializer=types.BatchGetDocumentsResponse.pb().FromString,
        )
        self.run_query = channel.unary_stream(
            _SERVICE + "RunQuery",
            request_serializer=types.RunQueryRequest.pb().SerializeToString,
            response_deserializer=types.RunQueryResponse.pb().FromString,
        )


class Calls:
    """Commit, BatchGetDocuments and RunQuery on one database; thread-safe, usable on both sides of a fork."""

    def __init__(self, project: str | None, database: str, emulator: str | None, runtime: Runtime) -> None:
        #: host:port of Google's emulator, which wants neither TLS nor credentials; None in the cloud
        self.emulator = emulator
        self._runtime = runtime
        self._open, found = _emulator_opener(emulator) if emulator else _cloud_opener()
        project = project or os.environ.get("GOOGLE_CLOUD_PROJECT") or found
        if not project:
            raise Refused("no Google Cloud project: set GOOGLE_CLOUD_PROJECT")
        self.database = f"projects/{project}/databases/{database}"
        self._metadata = (
            ("google-cloud-resource-prefix", self.database),
            ("x-goog-request-params", "database=" + quote(self.database, safe="/")),
            # The emulator would apply security rules to anybody else.
            *([("authorization", "Bearer owner")] if emulator else []),
        )
        # Now, though it may never be used: gRPC imports more for the first one, which must not happen within a call (a fork
        # holds logging's lock while it waits for the call, and the import waits for that lock).
        self._channel: _Channel | None = _Channel(self._open())

    def commit(self, request: Any, *, conditional: bool = False) -> Any:
        """Send a commit once. Raises what `explain_failure` says."""
        check_message(request)
        try:
            with calling:
                return self._connect().commit(request, timeout=COMMIT_TIMEOUT_S, metadata=self._metadata)
        except grpc.RpcError as error:
            raise explain_failure(error, conditional=conditional) from error

    def batch_get(self, request: Any, total_s: float = READ_TOTAL_S) -> list[Any]:
        """Look documents up: all answers within `total_s`, or an error."""
        return self._read(lambda channel: channel.batch_get, request, total_s)

    def run_query(self, request: Any) -> list[Any]:
        """Run a query: all answers, or an error."""
        return self._read(lambda channel: channel.run_query, request, READ_TOTAL_S)

    def close(self) -> None:
        """Close this process's channel; a later call opens another."""
        channel, self._channel = self._channel, None
        if channel and channel.pid == os.getpid():
            channel.channel.close()

    def _read(self, pick: Callable[[_Channel], Any], request: Any, total_s: float) -> list[Any]:
        """Collect a stream. An error in mid-stream discards what came: another try has another read time."""
        check_message(request)
        began = self._runtime.monotonic()
        for tries in range(1, READ_TRIES + 1):
            try_s = min(READ_TRY_TIMEOUT_S, total_s - (self._runtime.monotonic() - began))
            answers: list[Any] = []
            try:
                with calling:
                    for answer in pick(self._connect())(request, timeout=try_s, metadata=self._metadata):
                        answers.append(answer)  # noqa: PERF402 - an error must not lose count of what came
            except grpc.RpcError as error:
                # What came was read, hence billed.
                meter().bill(reads=len(answers))
                pause_s = READ_BACKOFF_S * 2**tries * (0.5 + self._runtime.random() / 2)
                late = self._runtime.monotonic() - began + pause_s >= total_s
                if error.code() in _FINAL or tries == READ_TRIES or late:
                    raise explain_failure(error) from error
            else:
                return answers
            self._runtime.sleep(pause_s)
        raise AssertionError("the last try returns or raises")

    def _connect(self) -> _Channel:
        """This process's channel. Two threads may open one each, harmlessly; a lock may be held at a fork."""
        channel = self._channel
        if channel is None or channel.pid != os.getpid():
            if channel is not None:
                _inherited.append(channel)
            self._channel = channel = _Channel(self._open())
        return channel


_Opener = Callable[[], grpc.Channel]


def _emulator_opener(host: str) -> tuple[_Opener, str]:
    return lambda: grpc.insecure_channel(host, options=_OPTIONS), "demo-pubsub"


def _cloud_opener() -> tuple[_Opener, str | None]:
    # Here, because the emulator needs none of it.
    import google.auth  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.auth.transport.grpc import secure_authorized_channel  # noqa: PLC0415
    from google.auth.transport.requests import Request  # noqa: PLC0415

    try:
        credentials, project = google.auth.default(scopes=_SCOPES)
    except GoogleAuthError as error:
        raise Refused(f"no Google Cloud credentials: {error}") from error

    def open_channel() -> grpc.Channel:
        return secure_authorized_channel(credentials, Request(), _CLOUD, options=_OPTIONS)

    return open_channel, project
