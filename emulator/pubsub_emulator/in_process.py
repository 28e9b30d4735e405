"""The service within a test's process: its functions over a store in memory, called in the caller's thread, without a socket.

`pubsubclient.testing` is made of it. The clock is the caller's, so that tests can move it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from contextvars import copy_context
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple, Protocol

from pubsub_emulator.memory.store import MemoryStore, Wait
from pubsub_emulator.server.router import Router, applications
from pubsubservice import main
from pubsubservice.api.app import using
from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.core.settings import Settings
from pubsubservice.core.times import rfc3339
from pubsubservice.log.batch import Batch
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.service import Service
from pubsubservice.storage.paths import batches, subscriber_path
from pubsubservice.storage.port import Doc
from pubsubservice.subscribers.state import State

__all__ = ["HOST", "InProcess", "Reply", "Time"]

#: the host of requests; no such host is ever connected to
HOST = "pubsub-testing.localhost"
#: batches read at once
_PAGE = 1_000
_SECOND_US = 1_000_000


class Time(Protocol):
    """The clock that the service and its store go by."""

    def time_us(self) -> int:
        """The time of the day, µs."""

    def monotonic(self) -> float:
        """Seconds since some moment."""

    def sleep(self, seconds: float) -> None:
        """Block this thread, or let the time pass."""

    #: wait for a document to be created, or let the time pass
    wait_for_events: Wait


class Reply(NamedTuple):
    """The response to a request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class InProcess:
    """The service over an empty store in memory. Thread-safe.

    Args:
        time: the clock
    """

    def __init__(self, time: Time) -> None:
        self._time = time
        self._store = MemoryStore(now=time.time_us, wait=time.wait_for_events)
        self._service = self._new_service()

    def request(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request as the emulator does. Raises nothing: errors are responses."""
        # in a context of its own, which keeps what a request binds from the caller's
        return copy_context().run(self._respond, _environ(method, path, query, headers, body))

    def restart(self) -> None:
        """Go on as a new process of the service would: with the same store, and nothing in memory."""
        self._service = self._new_service()

    def expire(self) -> None:
        """Run retention to its end."""
        while copy_context().run(self._service.housekeeping.run).more:
            pass

    def log(self, topic: str) -> list[dict[str, Any]]:
        """Return the events that a topic holds, in the order of their times: members as a subscriber gets them, attempt 0."""
        found: list[tuple[int, str, bytes]] = []
        for partition in range(self._partitions(topic)):
            prefix = sequence_prefix(partition)
            for doc in self._batches(topic, partition):
                batch = Batch(doc)
                for offset, line in enumerate(batch.lines()):
                    found.append((batch.created, f"{prefix}{batch.first + offset:020}", line))
        found.sort()
        return [
            {**json.loads(line), "topic": topic, "sequence": sequence, "recordedtime": rfc3339(created), "attempt": 0}
            for created, sequence, line in found
        ]

    def next_due_s(self, subscriber: str) -> float | None:
        """Return after how many seconds an event of a subscriber becomes due, or a lease ends; None if nothing is to come."""
        doc = self._store.documents.get(subscriber_path(subscriber))
        if doc is None:
            return None
        state, now = State.read(doc), self._time.time_us()
        times = [due.at for due in state.due] + [lease.until for lease in state.leases.values()]
        ahead = [time - now for time in times if time > now]
        return min(ahead) / _SECOND_US if ahead else None

    def close(self) -> None:
        """End all waits; every later request gets 503."""
        self._store.close()

    def _new_service(self) -> Service:
        return Service(self._store, Settings(), _Runtime(self._time))

    def _respond(self, environ: dict[str, Any]) -> Reply:
        begun: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
            begun.extend((int(status.split(" ", 1)[0]), headers))
            return lambda _: None

        with using(self._service):
            body = b"".join(_router()(environ, start_response))
        status, headers = begun
        return Reply(status, headers, body)

    def _partitions(self, topic: str) -> int:
        found = self._service.topics.get(topic)
        return 0 if found is None else found.partitions

    def _batches(self, topic: str, partition: int) -> Iterable[Doc]:
        after = None
        while page := self._store.list(batches(topic, partition), after, _PAGE).docs:
            yield from page
            after = page[-1].path.rpartition("/")[2]


class _Runtime(SystemRuntime):
    """The process, whose time a test moves."""

    def __init__(self, time: Time) -> None:
        self._time = time

    def monotonic(self) -> float:
        return self._time.monotonic()

    def sleep(self, seconds: float) -> None:
        self._time.sleep(seconds)


@lru_cache(maxsize=1)
def _router() -> Router:
    """The emulator's own routing: it keeps nothing, and all services of the process share it."""
    return Router(applications(main, main.FUNCTIONS))


def _environ(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the WSGI environment of a request (PEP 3333)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": HOST,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    return environ
