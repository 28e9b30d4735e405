"""The storage port over Firestore: the cloud's store, and Google's emulator of it in tests.

Import it only where it is used: google-cloud-firestore is half a second of a cold start, and most of its memory.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pubsubservice.core.meter import meter
from pubsubservice.core.runtime import Runtime, SystemRuntime
from pubsubservice.storage.firestore.documents import (
    BatchGetDocumentsRequest,
    CommitRequest,
    RunQueryRequest,
    StructuredQuery,
    field_path,
    put_document,
    read_document,
    to_micros,
    to_timestamp,
)
from pubsubservice.storage.firestore.rpc import READ_TOTAL_S, Calls
from pubsubservice.storage.port import Changed, Doc, Exists, Fields, Page, Reads, StoreError, Unknown

__all__ = ["FirestoreStore"]

#: documented for a commit, though neither side enforces it any more; small enough for one message
MAX_DELETES = 500
#: `wait_for` looks this often, at first and in the end: 20 s of waiting are about 25 reads a path
FIRST_POLL_S, LAST_POLL_S = 0.1, 1.0
#: a mask of this field alone transfers no content
_NAME = "__name__"


class FirestoreStore:
    """`pubsubservice.storage.port.Store` over one Firestore database.

    `project` defaults to the environment's (GOOGLE_CLOUD_PROJECT, or that of the credentials). `emulator` is
    host:port of Google's emulator and defaults to FIRESTORE_EMULATOR_HOST; there, only another project
    isolates, another database does not. Raises Refused when credentials or project are not to be found.
    """

    def __init__(
        self,
        project: str | None = None,
        database: str = "(default)",
        *,
        emulator: str | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self._runtime = runtime or SystemRuntime()
        emulator = emulator or os.environ.get("FIRESTORE_EMULATOR_HOST") or None
        self._calls = Calls(project, database, emulator, self._runtime)
        self._prefix = f"{self._calls.database}/documents/"

    def get_many(self, paths: Sequence[str], fields: Sequence[str] | None = None) -> Reads:
        """See the port. One call answers all paths at one read time."""
        if not paths:
            return Reads([], [])
        found = self._look_up(paths, fields)
        meter().bill(reads=len(paths), time=max(to_micros(time) for _, time in found.values()))
        missing = [path for path, (doc, _) in found.items() if doc is None]
        if missing and self._calls.emulator:
            # The emulator stamps the read time after the look-up, so a document may be missing although it was created
            # before (8 of 14,700 on a busy machine). Asked once more, what was there at that very time, it is right
            # unless a commit of that time is still under way (3 of 59,000). Not billed: the cloud is spared this.
            self._await_writers(missing)
            found.update(self._look_up(missing, fields, read_time=found[missing[0]][1]))
        return Reads([found[path][0] for path in paths], [to_micros(found[path][1]) for path in paths])

    def create(self, path: str, data: Fields) -> int:
        """See the port."""
        request = CommitRequest(database=self._calls.database)
        write = request.writes.add()
        put_document(write.update, self._prefix, path, data)
        write.current_document.exists = False
        return self._write(request, conditional=False)

    def update(self, path: str, data: Fields, if_update_time: int) -> int:
        """See the port."""
        request = CommitRequest(database=self._calls.database)
        write = request.writes.add()
        revision = int(self._runtime.random() * 2**53)
        put_document(write.update, self._prefix, path, data, revision)
        write.current_document.update_time.CopyFrom(to_timestamp(if_update_time))
        return self._write(request, conditional=True)

    def delete(self, paths: Sequence[str]) -> None:
        """See the port. Several commits when there are many."""
        distinct = builtins.list(dict.fromkeys(paths))
        for start in range(0, len(distinct), MAX_DELETES):
            some = distinct[start : start + MAX_DELETES]
            request = CommitRequest(database=self._calls.database)
            for path in some:
                request.writes.add().delete = self._prefix + path
            try:
                answer = self._calls.commit(request)
            except Unknown:
                meter().bill(deletes=len(some))
                raise
            meter().bill(deletes=len(some), time=to_micros(answer.commit_time))

    def list(
        self, collection: str, after: str | None = None, limit: int = 100, fields: Sequence[str] | None = None
    ) -> Page:
        """See the port."""
        parent, _, collection_id = collection.rpartition("/")
        request = RunQueryRequest(parent=(self._prefix + parent).rstrip("/"))
        query = request.structured_query
        query.from_.add(collection_id=collection_id)
        order = query.order_by.add(direction=StructuredQuery.Direction.ASCENDING)
        order.field.field_path = _NAME
        query.limit.value = limit
        if after is not None:
            query.start_at.values.add(reference_value=f"{self._prefix}{collection}/{after}")
            query.start_at.before = False
        if fields is not None:
            for path in _mask(fields):
                query.select.fields.add(field_path=path)
        page, read_time = self._run(request)
        meter().bill(reads=max(1, len(page.docs)), time=page.time)
        if self._calls.emulator:
            # Its queries have the fault of its look-ups (3 of 349 beside a busy writer), and the same remedy.
            request.read_time.CopyFrom(read_time)
            page, _ = self._run(request)
        return page

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> None:
        """See the port. Polls, jittered; each look is billed like any other read."""
        until = self._runtime.monotonic() + timeout_s
        pause_s = FIRST_POLL_S
        while (left_s := until - self._runtime.monotonic()) > 0:
            self._runtime.sleep(min(left_s, pause_s * (0.5 + self._runtime.random() / 2)))
            if self._runtime.monotonic() >= until:
                return  # the caller reads now anyway
            try:
                found = self._look_up(paths, (), total_s=max(left_s, 1.0))
            except StoreError:
                return  # a hint only: the caller's own read meets the error and says so
            meter().bill(reads=len(paths))
            if any(doc for doc, _ in found.values()):
                return
            pause_s = min(pause_s * 1.5, LAST_POLL_S)

    def close(self) -> None:
        """Close the channel."""
        self._calls.close()

    def _look_up(
        self,
        paths: Sequence[str],
        fields: Sequence[str] | None,
        read_time: Any = None,
        total_s: float = READ_TOTAL_S,
    ) -> dict[str, tuple[Doc | None, Any]]:
        """Each path's document or None, with its read time as a Timestamp. Bills nothing."""
        request = BatchGetDocumentsRequest(database=self._calls.database)
        request.documents.extend(self._prefix + path for path in paths)
        if fields is not None:
            request.mask.field_paths.extend(_mask(fields))
        if read_time is not None:
            request.read_time.CopyFrom(read_time)
        found: dict[str, tuple[Doc | None, Any]] = {}
        for answer in self._calls.batch_get(request, total_s):
            kind = answer.WhichOneof("result")
            if kind == "found":
                doc = read_document(answer.found, self._prefix)
                found[doc.path] = doc, answer.read_time
            elif kind == "missing":
                found[answer.missing[len(self._prefix) :]] = None, answer.read_time
        unanswered = [path for path in paths if path not in found]
        if unanswered:
            raise Unknown(f"no answer about {unanswered[0]}")
        return found

    def _await_writers(self, paths: Sequence[str]) -> None:
        """Let the emulator finish the commits under way on some documents: it locks them for a write that never is.

        No document was updated in 1970, so the condition fails, after having waited for the locks.
        """
        request = CommitRequest(database=self._calls.database)
        for path in paths:
            write = request.writes.add()
            write.update.name = self._prefix + path
            write.current_document.update_time.CopyFrom(to_timestamp(1_000_000))
        with suppress(StoreError):  # the condition; or a lock not had in 2 s, where reading again is the best left
            self._calls.commit(request, conditional=True)

    def _run(self, request: Any) -> tuple[Page, Any]:
        """A query's documents and read time. An empty result still has an answer, with the time alone."""
        answers = self._calls.run_query(request)
        if not answers:
            raise Unknown("a query was answered without a read time")
        docs = [read_document(answer.document, self._prefix) for answer in answers if answer.HasField("document")]
        # Where read times rise along a result, what came before did not change meanwhile: the last holds.
        read_time = answers[-1].read_time
        return Page(docs, to_micros(read_time)), read_time

    def _write(self, request: Any, *, conditional: bool) -> int:
        """Commit one write and return the document's update time, µs."""
        try:
            answer = self._calls.commit(request, conditional=conditional)
        except (Exists, Changed, Unknown):
            # Google does not say what a refused condition costs: counted, as the dearer of the two.
            meter().bill(writes=1)
            raise
        meter().bill(writes=1, time=to_micros(answer.commit_time))
        return to_micros(answer.write_results[0].update_time)


def _mask(fields: Sequence[str]) -> builtins.list[str]:
    """A field mask; an empty one would mean all fields."""
    return [field_path(name) for name in fields] or [_NAME]
