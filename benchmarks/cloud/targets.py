"""One Listen stream with any number of targets, for measuring: the service's own streams hide what is asked here."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import grpc

from pubsubservice.storage.firestore.documents import StructuredQuery
from pubsubservice.storage.firestore.protos import types
from pubsubservice.storage.firestore.rpc import Calls

__all__ = ["Targets"]

_ListenRequest = types.ListenRequest.pb()
_CURRENT = types.TargetChange.pb().TargetChangeType.CURRENT
_DEADLINE_S = 1_800.0
_PATIENCE_S = 30.0


class Targets:
    """A stream that is open within a ``with`` block."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._documents = f"{calls.database}/documents"
        self._requests: SimpleQueue[Any] = SimpleQueue()
        self._ids = 0
        self._waiting: set[int] = set()
        self._found: set[int] = set()
        self._heard: list[float] = []
        self._error: str | None = None
        self._changed = threading.Condition()

    def __enter__(self) -> Targets:
        self._call = self._calls.listen(self._send(), _DEADLINE_S)
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.put(None)
        self._call.cancel()

    def add_names(self, paths: Sequence[str]) -> int:
        """Listen to documents; return the target's id."""
        request = self._new_target()
        request.add_target.documents.documents.extend(f"{self._documents}/{path}" for path in paths)
        return self._ask(request)

    def add_query(self, collection: str, paths: Sequence[str]) -> int:
        """Listen to a query for documents of one collection by their names (`IN` takes at most 30)."""
        request = self._new_target()
        request.add_target.query.parent = self._documents
        query = request.add_target.query.structured_query
        query.from_.add(collection_id=collection)
        condition = query.where.field_filter
        condition.field.field_path = "__name__"
        condition.op = StructuredQuery.FieldFilter.Operator.IN
        for path in paths:
            condition.value.array_value.values.add(reference_value=f"{self._documents}/{path}")
        return self._ask(request)

    def remove(self, target: int) -> None:
        """End a target."""
        self._requests.put(_ListenRequest(database=self._calls.database, remove_target=target))

    def await_current(self) -> None:
        """Wait until all targets are current. Raises RuntimeError after 30 s, or if the stream ends."""
        self._await(lambda: not self._waiting, "targets that are current")

    def count_found(self, wanted: int) -> int:
        """Return how many targets have been told of a document: at once if all were, else after 30 s."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._found) >= wanted or self._error is not None, _PATIENCE_S)
            return len(self._found)

    def longest_silence(self, seconds: float) -> float:
        """Listen for so long; return the longest time between two messages, seconds."""
        began_s = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None, seconds)
            if self._error is not None:
                raise RuntimeError(self._error)
            times = [began_s, *(at for at in self._heard if at > began_s), time.monotonic()]
        return max(after - before for before, after in pairwise(times))

    def _new_target(self) -> Any:
        self._ids += 1
        request = _ListenRequest(database=self._calls.database)
        request.add_target.target_id = self._ids
        return request

    def _ask(self, request: Any) -> int:
        target: int = request.add_target.target_id
        with self._changed:
            self._waiting.add(target)
        self._requests.put(request)
        return target

    def _await(self, done: Any, what: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: done() or self._error is not None, _PATIENCE_S)
            if not done():
                raise RuntimeError(self._error or f"waited {_PATIENCE_S:.0f} s for {what}")

    def _send(self) -> Iterator[Any]:
        while (request := self._requests.get()) is not None:
            yield request

    def _read(self) -> None:
        try:
            for response in self._call:
                self._take(response)
        except grpc.RpcError as error:
            with self._changed:
                self._error = f"{error.code().name}: {error.details()}"
                self._changed.notify_all()

    def _take(self, response: Any) -> None:
        with self._changed:
            self._heard.append(time.monotonic())
            change = response.target_change
            if response.HasField("target_change") and change.target_change_type == _CURRENT:
                self._waiting.difference_update(change.target_ids or [*self._waiting])
            if response.HasField("target_change") and change.cause.code:
                self._error = f"a target was removed: {change.cause.code} {change.cause.message}"
            if response.HasField("document_change"):
                self._found.update(response.document_change.target_ids)
            self._changed.notify_all()
