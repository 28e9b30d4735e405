"""The four gRPC calls that the service makes to Firestore, over one channel per process, and the meaning of failures.

Uses plain stubs with the raw messages of google-cloud-firestore, not that library's generated client, for two reasons. The
client retries commits for 60 s, so that the caller's own success would be reported as ALREADY_EXISTS. And it costs two to
four times the CPU, because it wraps each message and reads each stream in a thread of its own.
The calls: https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
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

#: A commit is sent once. After this time it may or may not have been done.
COMMIT_TIMEOUT_S = 10.0
#: A read is retried, because it changes nothing: most attempts, time of one attempt, and time of all with their pauses.
READ_TRIES = 4
READ_TRY_TIMEOUT_S = 10.0
READ_TOTAL_S = 20.0
#: base of the exponential back-off between two attempts of a read
READ_BACKOFF_S = 0.1

_SERVICE = "/google.firestore.v1.Firestore/"
_CLOUD = "firestore.googleapis.com:443"
_SCOPES = ("https://www.googleapis.com/auth/datastore",)
_OPTIONS = (
    ("grpc.primary_user_agent", f"pubsubservice/{__version__}"),
    # No layer may send a commit twice, gRPC included.
    ("grpc.enable_retries", 0),
    # By default channels share connections, so that a forked child would use its parent's.
    ("grpc.use_local_subchannel_pool", 1),
    # The connection of an instance that was frozen and thawed is dead: notice that before a call's timeout.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # By default gRPC waits 1 to 120 s before it reconnects and fails every call until then; a restart takes less time.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # grpc.experimental.ChannelOptions.SingleThreadedUnaryStream: no thread per stream, so a look-up of ten
    # documents costs 0.7 ms of CPU instead of 2.0. A version that does not know the option ignores it.
    ("SingleThreadedUnaryStream", 1),
)

#: The port's error for each gRPC code; every other code is Unknown. Matched by the exact code, because REST and a base class
#: in google-api-core map both ALREADY_EXISTS and ABORTED to one conflict. ABORTED and RESOURCE_EXHAUSTED are Unknown: they
#: mean "try again", not "nothing was done".
_MEANINGS: dict[grpc.StatusCode, type[StoreError]] = {
    grpc.StatusCode.ALREADY_EXISTS: Exists,
    grpc.StatusCode.FAILED_PRECONDITION: Changed,
    grpc.StatusCode.NOT_FOUND: Changed,
    grpc.StatusCode.INVALID_ARGUMENT: Refused,
    grpc.StatusCode.PERMISSION_DENIED: Refused,
}
#: Codes after which a read is not retried, because it would fail again.
_FINAL = frozenset([*_MEANINGS, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED])

#: Channels that a child inherited by fork, kept alive: closing or collecting one would write to the parent's connection.
_inherited: list[_Channel] = []


def explain_failure(error: grpc.RpcError, *, conditional: bool = False) -> StoreError:
    """Return the port's error for a failed call.

    Updates and removals are `conditional`. For other calls FAILED_PRECONDITION and NOT_FOUND are about the database
    (missing, or in Datastore mode), and nothing was done.
    """
    code = error.code()
    meaning = _MEANINGS.get(code, Unknown)
    if meaning is Changed and not conditional:
        meaning = Refused
    return meaning(f"{code.name}: {error.details()}")


class _Channel:
    """A channel and its stubs. Only the process that made them may use them."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.pid = os.getpid()
        # Kept here, because the stubs of a single-threaded channel do not keep it alive.
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
        self.listen = channel.stream_stream(
            _SERVICE + "Listen",
            request_serializer=types.ListenRequest.pb().SerializeToString,
            response_deserializer=types.ListenResponse.pb().FromString,
        )


class Calls:
    """Commit, BatchGetDocuments, RunQuery and Listen on one database.

    Thread-safe, and usable in parent and child after a fork.
    """

    def __init__(self, project: str | None, database: str, emulator: str | None, runtime: Runtime) -> None:
        #: host:port of Google's emulator, which uses neither TLS nor credentials; None in the cloud
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
            # The emulator applies security rules to every other caller.
            *([("authorization", "Bearer owner")] if emulator else []),
        )
        # Opened now, though it may never be used. gRPC imports more modules for its first channel. If that happened within
        # a call, a fork could deadlock: the fork holds logging's lock while it waits for the call, and the import waits for
        # that lock.
        self._channel: _Channel | None = _Channel(self._open())

    def commit(self, request: Any, *, conditional: bool = False) -> Any:
        """Send a commit once. Raises Refused for a too large request, otherwise the error of `explain_failure`."""
        check_message(request)
        try:
            with calling:
                return self._connect().commit(request, timeout=COMMIT_TIMEOUT_S, metadata=self._metadata)
        except grpc.RpcError as error:
            raise explain_failure(error, conditional=conditional) from error

    def batch_get(self, request: Any, total_s: float = READ_TOTAL_S) -> list[Any]:
        """Look documents up, retrying for at most `total_s` seconds. Returns all responses, or raises StoreError."""
        return self._read(lambda channel: channel.batch_get, request, total_s)

    def run_query(self, request: Any) -> list[Any]:
        """Run a query, retrying it if it fails. Returns all responses, or raises StoreError."""
        return self._read(lambda channel: channel.run_query, request, READ_TOTAL_S)

    def listen(self, requests: Iterator[Any], timeout_s: float) -> Any:
        """Begin a Listen call; return it, an iterator of its responses. The caller is within the gate until it ends."""
        return self._connect().listen(requests, timeout=timeout_s, metadata=self._metadata)

    def close(self) -> None:
        """Close this process's channel. A later call opens a new one."""
        channel, self._channel = self._channel, None
        if channel and channel.pid == os.getpid():
            channel.channel.close()

    def _read(self, pick: Callable[[_Channel], Any], request: Any, total_s: float) -> list[Any]:
        """Collect a stream of responses, retrying with back-off.

        An error in mid-stream discards the responses so far, because another attempt has another read time.
        """
        check_message(request)
        began_s = self._runtime.monotonic()
        for tries in range(1, READ_TRIES + 1):
            try_s = min(READ_TRY_TIMEOUT_S, total_s - (self._runtime.monotonic() - began_s))
            responses: list[Any] = []
            try:
                with calling:
                    for response in pick(self._connect())(request, timeout=try_s, metadata=self._metadata):
                        responses.append(response)  # noqa: PERF402 - an error must not lose the count of responses
            except grpc.RpcError as error:
                # Firestore has read, hence billed, the documents of these responses.
                meter().bill(reads=len(responses))
                pause_s = READ_BACKOFF_S * 2**tries * (0.5 + self._runtime.random() / 2)
                late = self._runtime.monotonic() - began_s + pause_s >= total_s
                if error.code() in _FINAL or tries == READ_TRIES or late:
                    raise explain_failure(error) from error
            else:
                return responses
            self._runtime.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _connect(self) -> _Channel:
        """Return this process's channel, opening it if needed.

        Without a lock, because another thread could hold it at a fork. That two threads may open a channel each is harmless.
        """
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
    # Imported here, because the emulator needs none of these modules.
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
