"""Waits for documents by Firestore's Listen: told at the commit, instead of polling.

A wait attaches a target to a stream, which other waits share, and removes it at its end. Listen is an addition: whatever
goes wrong with it, the caller can poll. Begin with `Listener.wait`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from enum import Enum

from pubsubservice.core.meter import meter
from pubsubservice.core.runtime import Runtime
from pubsubservice.storage.firestore.forks import calling
from pubsubservice.storage.firestore.listen_stream import ListenStream, Watch
from pubsubservice.storage.firestore.rpc import Calls

__all__ = ["Listener", "Told"]

_logger = logging.getLogger("pubsubservice.storage")

#: how long a wait stays with Listen before its target is current; an attach takes milliseconds
ATTACH_S = 1.0
#: after a stream that never worked: the first and the longest pause before the next, up to a half longer
FIRST_PAUSE_S, LAST_PAUSE_S = 1.0, 60.0
#: pause after Firestore has refused to listen, or after a wait that missed a document, seconds
DISTRUST_S = 600.0

#: streams that a child inherited by fork, kept alive: collecting one would use the parent's connection
_inherited: list[ListenStream] = []


class Told(Enum):
    """How a wait ended."""

    #: a document exists, or may exist
    FOUND = "found"
    #: nothing was created until the timeout
    NOTHING = "nothing"
    #: the stream or the target ended: what was created meanwhile is not known
    LOST = "lost"
    #: Listen does not work now
    OFF = "off"


class Listener:
    """The streams of one store. Thread-safe; opens nothing before the first wait.

    Args:
        room: how many waits share a stream. HTTP/2 allows 100 streams a connection, and calls beyond them hang
        look: called with the names once a target is current; True if a document exists. For Google's emulator, which may
            miss a commit that runs during an attach
    """

    def __init__(
        self, calls: Calls, runtime: Runtime, room: int, look: Callable[[Sequence[str]], bool] | None = None
    ) -> None:
        self._calls = calls
        self._runtime = runtime
        self._room = room
        self._look = look
        self._closed = False
        self._warned = False
        self._off_until_s = 0.0
        self._pause_s = FIRST_PAUSE_S
        #: whether the last stream to settle has worked; until then, only one is opened at a time
        self._proven = False
        self._reset()
        calling.interrupts.add(self)

    def wait(self, names: Sequence[str], timeout_s: float) -> Told:
        """Wait until one of the documents exists, at most `timeout_s` seconds.

        Args:
            names: full names of the documents
        """
        until_s = self._runtime.monotonic() + timeout_s
        attached = self._attach(names, until_s)
        if attached is None:
            return Told.OFF
        stream, watch = attached
        try:
            return self._follow(stream, watch, until_s)
        finally:
            stream.detach(watch)
            meter().bill(reads=watch.reads)

    def distrust(self, reason: str) -> None:
        """Let waits poll for `DISTRUST_S`. The first reason of a process is logged."""
        self._off_until_s = self._runtime.monotonic() + DISTRUST_S
        if not self._warned:
            self._warned = True
            _logger.warning("Waits poll Firestore for the next %d minutes: %s", DISTRUST_S // 60, reason)

    def close(self) -> None:
        """End all waits; later ones are told that Listen is off."""
        with self._lock:
            self._closed = True
        self.interrupt()

    def interrupt(self) -> None:
        """End all streams, so that no thread is in a call of gRPC for long. Their waits are told `LOST`."""
        with self._lock:
            streams = [*self._streams]
        for stream in streams:
            stream.close()

    def start_anew(self) -> None:
        """Leave all streams to the parent process, in a forked child."""
        _inherited.extend(self._streams)
        self._reset()

    def _reset(self) -> None:
        #: guards `_streams` and what is known of Listen
        self._lock = self._runtime.new_lock()
        self._streams: list[ListenStream] = []

    def _attach(self, names: Sequence[str], until_s: float) -> tuple[ListenStream, Watch] | None:
        """Attach to a stream that has room, or to a new one. None if Listen is off, or may be and is not known in time."""
        while True:
            with self._lock:
                if self._closed or self._runtime.monotonic() < self._off_until_s:
                    return None
                for stream in [*self._streams]:
                    watch = stream.attach(names)
                    if watch is not None:
                        return stream, watch
                unsettled = None if self._proven else next((each for each in self._streams if not each.proven), None)
                if unsettled is None:
                    stream = ListenStream(self._calls, self._runtime, self._room, self._ended)
                    self._streams.append(stream)
                    stream.start()
                    watch = stream.attach(names)
                    if watch is not None:
                        return stream, watch
                    return None  # this process has just been frozen, or drains
            if not unsettled.settled.wait(min(ATTACH_S, until_s - self._runtime.monotonic())):
                return None

    def _follow(self, stream: ListenStream, watch: Watch, until_s: float) -> Told:
        left_s = until_s - self._runtime.monotonic()
        if not watch.ready.wait(min(ATTACH_S, left_s)):
            stream.retire()
            if not stream.proven:
                self._fail()
            return Told.OFF
        if stream.proven:
            self._work()
        if watch.current and not watch.found and self._look is not None and self._look(watch.names):
            return Told.FOUND
        if not watch.over.wait(max(0.0, until_s - self._runtime.monotonic())):
            return Told.NOTHING if watch.current else Told.LOST
        return Told.FOUND if watch.found else Told.LOST

    def _ended(self, stream: ListenStream) -> None:
        """A stream has ended."""
        if stream.refusal is not None:
            self.distrust(f"it refuses Listen ({stream.refusal})")
        elif not stream.proven and not stream.cancelled:
            self._fail()
        # last: as long as it is there, nobody else tries
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)

    def _fail(self) -> None:
        """Listen did not work: pause, each time twice as long."""
        with self._lock:
            self._proven = False
            pause_s = self._pause_s * (1 + self._runtime.random() / 2)
            self._off_until_s = max(self._off_until_s, self._runtime.monotonic() + pause_s)
            self._pause_s = min(2 * self._pause_s, LAST_PAUSE_S)

    def _work(self) -> None:
        """Listen works."""
        with self._lock:
            self._proven = True
            self._pause_s = FIRST_PAUSE_S
