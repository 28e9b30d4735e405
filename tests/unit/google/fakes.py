"""A Firestore that answers as told, over real gRPC."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import grpc
from google.cloud.firestore_v1 import types

from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.storage.firestore.documents import to_timestamp

__all__ = ["PREFIX", "FakeFirestore", "QuickRuntime", "Reply", "committed", "found", "missing"]

PROJECT = "demo-unit"
PREFIX = f"projects/{PROJECT}/databases/(default)/documents/"

CommitResponse = types.CommitResponse.pb()
BatchGetDocumentsResponse = types.BatchGetDocumentsResponse.pb()
RunQueryResponse = types.RunQueryResponse.pb()


@dataclass
class Reply:
    """What one call gets: messages, then an error unless `code` is None; first of all it waits for `after`."""

    messages: list[Any] = field(default_factory=list)
    code: grpc.StatusCode | None = None
    after: Event | None = None


class FakeFirestore:
    """Gives the replies of `script` in turn and keeps what it was asked."""

    def __init__(self) -> None:
        self.script: deque[Reply] = deque()
        self.asked: list[Any] = []
        self._server = grpc.server(ThreadPoolExecutor(max_workers=4))
        self._server.add_generic_rpc_handlers([self._handlers()])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()

    def _handlers(self) -> grpc.GenericRpcHandler:
        def stream(kind: str) -> grpc.RpcMethodHandler:
            request, answer = getattr(types, f"{kind}Request").pb(), getattr(types, f"{kind}Response").pb()
            return grpc.unary_stream_rpc_method_handler(self._stream, request.FromString, answer.SerializeToString)

        commit = grpc.unary_unary_rpc_method_handler(
            self._commit, types.CommitRequest.pb().FromString, CommitResponse.SerializeToString
        )
        methods = {
            "Commit": commit,
            "BatchGetDocuments": stream("BatchGetDocuments"),
            "RunQuery": stream("RunQuery"),
        }
        return grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", methods)

    def _stream(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.asked.append(request)
        reply = self.script.popleft()
        if reply.after:
            reply.after.wait(10)
        yield from reply.messages
        if reply.code:
            context.abort(reply.code, "as told")

    def _commit(self, request: Any, context: grpc.ServicerContext) -> Any:
        [*messages] = self._stream(request, context)
        return messages[0]


class QuickRuntime(SystemRuntime):
    """Does not wait, but keeps count of it, and lets its clock go on as if it had."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return super().monotonic() + sum(self.pauses)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def committed(at: int) -> Any:
    """The answer to a commit of one write at `at`, µs."""
    answer = CommitResponse()
    answer.commit_time.CopyFrom(to_timestamp(at))
    answer.write_results.add().update_time.CopyFrom(to_timestamp(at))
    return answer


def found(path: str, read: int) -> Any:
    """A document created at 1 µs, as read at `read`, µs."""
    answer = BatchGetDocumentsResponse()
    answer.found.name = PREFIX + path
    answer.found.create_time.CopyFrom(to_timestamp(1))
    answer.found.update_time.CopyFrom(to_timestamp(1))
    answer.read_time.CopyFrom(to_timestamp(read))
    return answer


def missing(path: str, read: int) -> Any:
    """No document at `read`, µs."""
    answer = BatchGetDocumentsResponse(missing=PREFIX + path)
    answer.read_time.CopyFrom(to_timestamp(read))
    return answer
