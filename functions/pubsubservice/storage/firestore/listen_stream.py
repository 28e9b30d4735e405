"""One Listen call to Firestore, which several waits share: each has a target, the documents that it waits for.

Two threads serve a stream, whatever the number of its waits: gRPC's own, which takes requests from a queue, and one that
reads the responses. The messages: https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import grpc  # type: ignore[import-untyped]

from pubsubservice.core.runtime import Runtime
from pubsubservice.storage.firestore.forks import calling
from pubsubservice.storage.firestore.protos import types
from pubsubservice.storage.firestore.rpc import Calls
from pubsubservice.storage.port import Refused

__all__ = ["LINGER_S", "ListenStream", "Watch"]

#: how long a stream without waits stays open, seconds. Cloud Run takes the CPU away between requests: a stream that is
#: found idle for longer may be dead without anybody having noticed
LINGER_S = 1.0
#: deadline of a stream, seconds, less up to a fifth: so that it moves to other servers, and its credentials are renewed
STREAM_S = 600.0
#: how long the reader of an ended stream waits for gRPC's thread to let go of it, seconds
_DRAIN_S = 1.0

_ListenRequest = types.ListenRequest.pb()
_Change = types.TargetChange.pb().TargetChangeType
#: codes after which Firestore would refuse the same target, or any, again
_REFUSING = frozenset(
    [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED]
)
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Watch:
    """One wait for documents: what the server has said of its target. Written by the stream's reader alone."""

    def __init__(self, target: int, names: Sequence[str], runtime: Runtime) -> None:
        #: id of the target in its stream
        self.target = target
        #: full names of the documents
        self.names = names
        #: set once the target is current, or the watch is over
        self.ready = runtime.new_event()
        #: set once a document exists, or the stream no longer tells of the target
        self.over = runtime.new_event()
        #: all that was created before the attach has been told, and what is created later will be
        self.current = False
        #: one of the documents exists
        self.found = False
        #: documents that the server has read for this watch so far, as Firestore may bill them
        self.reads = 0

    def answer(self) -> None:
        """The server has the target. Google does not say what a missing document costs: counted as a read each."""
        self.reads = self.reads or len(self.names)

    def find(self) -> None:
        """One of the documents exists."""
        self.answer()
        self.found = True
        self.reads += self.current  # the first state of the target is counted already
        self.end()

    def become_current(self) -> None:
        """The server has told all that was created before now."""
        self.answer()
        self.current = True
        self.ready.set()

    def reset(self) -> None:
        """The server begins again with the target's first state."""
        self.current = False
        self.reads += len(self.names)

    def end(self) -> None:
        """Wake the waiting thread."""
        self.over.set()
        self.ready.set()


class ListenStream:
    """A Listen call that starts by `start` and ends once for all, by either side. Thread-safe.

    Args:
        room: how many watches it takes at once
        on_end: called once, in the reader's thread, when the call has ended and before its watches are woken
    """

    def __init__(self, calls: Calls, runtime: Runtime, room: int, on_end: Callable[[ListenStream], None]) -> None:
        self._calls = calls
        self._runtime = runtime
        self._room = room
        self._on_end = on_end
        self._requests: SimpleQueue[Any] = SimpleQueue()
        #: set when the thread of gRPC has let go of `_requests`
        self._drained = threading.Event()
        #: guards what follows
        self._lock = runtime.new_lock()
        self._watches: dict[int, Watch] = {}
        #: ids are used once: one that the server still knows would end the stream
        self._targets = 0
        self._idle_since = runtime.monotonic()
        self._closed = False
        self._call: Any = None
        #: whether the server has told of the state of a target: Listen works here
        self.proven = False
        #: set once the stream is proven, or has ended
        self.settled = runtime.new_event()
        #: whether this side ended the call
        self.cancelled = False
        #: why Firestore refuses to listen, for good; None if it does not
        self.refusal: str | None = None

    def start(self) -> None:
        """Open the call, in a thread of its own."""
        threading.Thread(target=self._run, name="pubsub-listen", daemon=True).start()

    def attach(self, names: Sequence[str]) -> Watch | None:
        """Watch documents by their full names; None if the stream is full or has ended."""
        with self._lock:
            if self._closed or len(self._watches) >= self._room:
                return None
            if not self._watches and self._runtime.monotonic() - self._idle_since > LINGER_S:
                self._close()  # this process was frozen, or its threads were kept from running
                return None
            self._targets += 1
            watch = self._watches[self._targets] = Watch(self._targets, names, self._runtime)
            request = self._request()
            request.add_target.target_id = watch.target
            request.add_target.documents.documents.extend(names)
            self._requests.put(request)
        return watch

    def detach(self, watch: Watch) -> None:
        """End a watch."""
        with self._lock:
            if self._watches.pop(watch.target, None) is None:
                return  # the stream has ended
            self._idle_since = self._runtime.monotonic()
            request = self._request()
            request.remove_target = watch.target
            self._requests.put(request)

    def close(self) -> None:
        """Take no more watches, and wake those that there are."""
        with self._lock:
            self._close()

    def retire(self) -> None:
        """Take no more watches; the stream ends with those that it has."""
        with self._lock:
            self._room = 0

    def _close(self) -> None:
        self.cancelled = self._closed = True
        self._requests.put(None)
        if self._call is not None:
            self._call.cancel()

    def _request(self) -> Any:
        return _ListenRequest(database=self._calls.database)

    def _send(self) -> Iterator[Any]:
        """Yield the requests, until the stream is closed or nobody has used it for `LINGER_S`. In a thread of gRPC."""
        try:
            while True:
                try:
                    # a removed watch is a request, too: it wakes this thread to count the time from then on
                    request = self._requests.get(timeout=None if self._watches else LINGER_S)
                except Empty:
                    with self._lock:
                        if not self._watches:
                            self._close()
                            return
                    continue
                if request is None:
                    return
                yield request
        finally:
            self._drained.set()

    def _run(self) -> None:
        try:
            # Within the gate until both threads have let go: a fork waits for them.
            with calling:
                try:
                    self._read()
                finally:
                    with self._lock:
                        self._closed = True
                    self._requests.put(None)
                    self._drained.wait(_DRAIN_S)
        except grpc.RpcError as error:
            if error.code() in _REFUSING:
                self.refusal = f"{error.code().name}: {error.details()}"
        except (Refused, ValueError):
            pass  # this process can make no calls, as it was forked in one, or the channel is closed
        finally:
            self._end()

    def _read(self) -> None:
        with self._lock:
            if self._closed:
                self._drained.set()
                return
            timeout_s = STREAM_S * (1 - self._runtime.random() / 5)
            self._call = self._calls.listen(self._send(), timeout_s)
        for response in self._call:
            self._take(response)

    def _end(self) -> None:
        with self._lock:
            self._closed = True  # also if the call could not begin
            watches = [*self._watches.values()]
            self._watches.clear()
        self._on_end(self)
        self.settled.set()
        for watch in watches:
            watch.end()

    def _take(self, response: Any) -> None:
        kind = response.WhichOneof("response_type")
        if kind == "target_change":
            self._change(response.target_change)
        elif kind == "document_change":
            self._prove()
            for watch in self._watched(response.document_change.target_ids):
                watch.find()
        elif kind == "filter" and response.filter.count:
            for watch in self._watched([response.filter.target_id]):
                watch.find()

    def _prove(self) -> None:
        self.proven = True
        self.settled.set()

    def _watched(self, targets: Sequence[int]) -> list[Watch]:
        """Return the watches of some targets. For none, as in a change of all targets, return all."""
        with self._lock:
            return [self._watches[n] for n in targets or [*self._watches] if n in self._watches]

    def _change(self, change: Any) -> None:
        kind = change.target_change_type
        for watch in self._watched(change.target_ids):
            if kind == _Change.ADD:
                watch.answer()
            elif kind == _Change.CURRENT:
                self._prove()
                watch.become_current()
            elif kind == _Change.RESET:
                watch.reset()
            elif kind == _Change.REMOVE:
                code = _CODES.get(change.cause.code)
                if code is not None and code in _REFUSING:
                    self.refusal = f"{code.name}: {change.cause.message}"
                watch.end()  # its waiting thread detaches it
