"""A small Firestore in this process that is listened to over real gRPC: right by itself, and wrong as a test tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import grpc
from google.cloud.firestore_v1 import types

from unit.google.fakes import PREFIX, committed, found, missing

__all__ = ["ADD", "CURRENT", "NO_CHANGE", "REMOVE", "RESET", "Listening", "Stream", "Target"]

ListenRequest = types.ListenRequest.pb()
ListenResponse = types.ListenResponse.pb()
#: how long `Listening.await_targets` waits, seconds
PATIENCE_S = 30.0
_Kind = types.TargetChange.pb().TargetChangeType
NO_CHANGE, ADD, REMOVE, CURRENT, RESET = (_Kind.Value(n) for n in ("NO_CHANGE", "ADD", "REMOVE", "CURRENT", "RESET"))


@dataclass(frozen=True)
class Target:
    """What one wait has asked a stream for."""

    stream: Stream
    id: int
    #: paths of its documents
    paths: tuple[str, ...]

    def change(self, kind: int, code: grpc.StatusCode | None = None) -> None:
        """Say that the state of the target has changed."""
        self.stream.change(kind, [self.id], code)

    def find(self, path: str, size: int = 0) -> None:
        """Say that a document of the target exists, which has so many bytes of content."""
        response = ListenResponse()
        response.document_change.document.name = PREFIX + path
        if size:
            response.document_change.document.fields["batch"].bytes_value = bytes(size)
        response.document_change.target_ids.append(self.id)
        self.stream.say(response)

    def count(self, documents: int) -> None:
        """Say how many documents the target has, as Firestore does if it is in doubt."""
        response = ListenResponse()
        response.filter.target_id, response.filter.count = self.id, documents
        self.stream.say(response)


class Stream:
    """One call of Listen, as its server sees it."""

    def __init__(self, number: int, left_s: float) -> None:
        #: how many streams there were before
        self.number = number
        #: how long the client lets it last, seconds
        self.left_s = left_s
        #: the targets that are not removed
        self.targets: dict[int, Target] = {}
        #: the ids of all targets that there were
        self.ids: list[int] = []
        self.ended = threading.Event()
        self._responses: SimpleQueue[Any] = SimpleQueue()

    def say(self, response: Any) -> None:
        """Send a response."""
        self._responses.put(response)

    def change(self, kind: int, targets: Sequence[int] = (), code: grpc.StatusCode | None = None) -> None:
        """Say that targets have changed; all of the stream if none is named."""
        response = ListenResponse()
        response.target_change.target_change_type = kind
        response.target_change.target_ids.extend(targets)
        if code is not None:
            response.target_change.cause.code = code.value[0]
            response.target_change.cause.message = "as told"
        self.say(response)

    def end(self, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
        """End the call."""
        self._responses.put(code)

    def responses(self) -> Iterator[Any]:
        """What is to be sent, up to the code that ends the call."""
        while True:
            yield (response := self._responses.get())
            if isinstance(response, grpc.StatusCode):
                return


class Listening:
    """Firestore's Commit (creates alone), BatchGetDocuments and Listen.

    A test changes what is answered to a new stream and to a new target by `on_stream` and `on_target`.
    """

    def __init__(self) -> None:
        #: paths that exist
        self.documents: set[str] = set()
        #: how many look-ups there were
        self.looks = 0
        self.streams: list[Stream] = []
        #: the first path of each target that there was
        self.asked: list[str] = []
        self.on_stream: Callable[[Stream], object] = lambda stream: None
        self.on_target: Callable[[Target], object] = self.attach
        self._time = 1_000_000
        self._changed = threading.Condition()
        self._server = grpc.server(ThreadPoolExecutor(max_workers=64))
        self._server.add_generic_rpc_handlers([self._handlers()])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        for stream in self.streams:
            stream.end()
        self._server.stop(None).wait()

    def attach(self, target: Target) -> None:
        """Answer a new target as Firestore does."""
        target.change(ADD)
        with self._changed:
            for path in self.documents.intersection(target.paths):
                target.find(path)
            target.change(CURRENT)
        target.stream.change(NO_CHANGE)

    def create(self, path: str) -> None:
        """Create a document and tell all who wait for it."""
        with self._changed:
            self.documents.add(path)
            for target in self.attached():
                if path in target.paths:
                    target.find(path)

    def attached(self) -> list[Target]:
        """All targets of all streams."""
        return [target for stream in [*self.streams] for target in [*stream.targets.values()]]

    def await_targets(self, count: int) -> list[Target]:
        """Wait until there are as many targets, and return them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.attached()) == count, PATIENCE_S), len(self.attached())
            return self.attached()

    def _handlers(self) -> grpc.GenericRpcHandler:
        methods = {
            "Commit": grpc.unary_unary_rpc_method_handler(
                self._commit,
                types.CommitRequest.pb().FromString,
                types.CommitResponse.pb().SerializeToString,
            ),
            "BatchGetDocuments": grpc.unary_stream_rpc_method_handler(
                self._look_up,
                types.BatchGetDocumentsRequest.pb().FromString,
                types.BatchGetDocumentsResponse.pb().SerializeToString,
            ),
            "Listen": grpc.stream_stream_rpc_method_handler(
                self._listen, ListenRequest.FromString, ListenResponse.SerializeToString
            ),
        }
        return grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", methods)

    def _now(self) -> int:
        with self._changed:
            self._time += 1
            return self._time

    def _commit(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.writes[0].current_document.WhichOneof("condition_type") == "update_time":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "never true here")
        self.create(request.writes[0].update.name[len(PREFIX) :])
        return committed(self._now())

    def _look_up(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.looks += 1
        now = self._now()
        for name in request.documents:
            path = name[len(PREFIX) :]
            yield found(path, now) if path in self.documents else missing(path, now)

    def _listen(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        with self._changed:
            stream = Stream(len(self.streams), context.time_remaining())
            self.streams.append(stream)
            self._changed.notify_all()
        context.add_callback(lambda: self._end(stream))
        self.on_stream(stream)
        threading.Thread(target=self._take, args=(stream, requests), daemon=True).start()
        for response in stream.responses():
            if isinstance(response, grpc.StatusCode):
                context.abort(response, "as told") if response is not grpc.StatusCode.OK else None
                return
            yield response

    def _take(self, stream: Stream, requests: Iterator[Any]) -> None:
        try:
            for request in requests:
                self._request(stream, request)
        except Exception:
            stream.end()

    def _request(self, stream: Stream, request: Any) -> None:
        if request.WhichOneof("target_change") == "remove_target":
            with self._changed:
                stream.targets.pop(request.remove_target, None)
                self._changed.notify_all()
            stream.change(REMOVE, [request.remove_target])
            return
        asked = request.add_target
        assert asked.target_id not in stream.ids, "Firestore ends a stream whose ids are used twice"
        paths = tuple(name[len(PREFIX) :] for name in asked.documents.documents)
        target = Target(stream, asked.target_id, paths)
        with self._changed:
            stream.ids.append(target.id)
            self.asked.append(paths[0])
            stream.targets[target.id] = target
            self._changed.notify_all()
        self.on_target(target)

    def _end(self, stream: Stream) -> None:
        with self._changed:
            stream.targets.clear()
            self._changed.notify_all()
        stream.ended.set()
        stream.end()
