"""The storage port over Firestore: the store in the cloud, and Google's Firestore emulator in tests.

Import this module lazily: importing google-cloud-firestore takes half a second of a cold start and most of its memory.
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
from pubsubservice.storage.firestore.listen import Listener, Told
from pubsubservice.storage.firestore.quiet_waits import QuietWaits
from pubsubservice.storage.firestore.rpc import READ_TOTAL_S, Calls
from pubsubservice.storage.port import Changed, Doc, Exists, Fields, Page, Reads, StoreError, Unknown

__all__ = ["FirestoreStore"]

#: writes in one commit: Firestore's documented limit, which it no longer enforces; they fit one request message
MAX_DELETES = 500
#: first and longest pause between two polls of `wait_for`, where it polls: waiting 20 s costs about 30 reads per path
FIRST_POLL_S, LAST_POLL_S = 0.1, 1.0
#: how often a wait attaches to a stream before it polls
ATTACHES = 3
#: how many waits share a stream; Google's emulator writes into one from several threads at once, so that messages of two
#: waits would destroy each other
WAITS_A_STREAM, WAITS_A_STREAM_OF_EMULATOR = 64, 1
#: a field mask of this field alone transfers no content
_NAME = "__name__"


class FirestoreStore:
    """`pubsubservice.storage.port.Store` over one Firestore database.

    Args:
        project: defaults to GOOGLE_CLOUD_PROJECT, then to the project of the credentials
        emulator: host:port of Google's emulator; defaults to FIRESTORE_EMULATOR_HOST. The emulator keeps the data of two
            projects apart, but not the data of two databases
        runtime: for pauses and randomness; tests replace it

    Raises Refused if credentials or a project are missing.
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
        self._waits_ended = False
        emulator = emulator or os.environ.get("FIRESTORE_EMULATOR_HOST") or None
        self._calls = Calls(project, database, emulator, self._runtime)
        self._prefix = f"{self._calls.database}/documents/"
        self._quiet = QuietWaits()
        if self._calls.emulator:
            self._listener = Listener(self._calls, self._runtime, WAITS_A_STREAM_OF_EMULATOR, self._exists)
        else:
            self._listener = Listener(self._calls, self._runtime, WAITS_A_STREAM)

    def get_many(self, paths: Sequence[str], fields: Sequence[str] | None = None) -> Reads:
        """See the port. One call reads all paths, at one read time."""
        if not paths:
            return Reads([], [])
        found = self._look_up(paths, fields)
        meter().bill(reads=len(paths), time=max(to_micros(time) for _, time in found.values()))
        missing = [path for path, (doc, _) in found.items() if doc is None]
        if missing and self._calls.emulator:
            # The emulator stamps the read time after the look-up, so it may miss a document that was created before that
            # time (8 of 14,700 look-ups on a busy machine). A second look-up at exactly that read time is right unless a
            # commit of that time is still running (3 of 59,000), so running commits are awaited first. The second look-up
            # is not billed: the cloud needs none.
            self._await_writers(missing)
            found.update(self._look_up(missing, fields, read_time=found[missing[0]][1]))
        docs = [found[path][0] for path in paths]
        self._check_waits(docs)
        return Reads(docs, [to_micros(found[path][1]) for path in paths])

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

    def remove(self, path: str, if_update_time: int) -> None:
        """See the port."""
        request = CommitRequest(database=self._calls.database)
        write = request.writes.add()
        write.delete = self._prefix + path
        write.current_document.update_time.CopyFrom(to_timestamp(if_update_time))
        try:
            response = self._calls.commit(request, conditional=True)
        except (Changed, Unknown):
            meter().bill(deletes=1)  # as `_write` bills an unmet condition
            raise
        meter().bill(deletes=1, time=to_micros(response.commit_time))

    def delete(self, paths: Sequence[str]) -> None:
        """See the port. Sends one commit for every `MAX_DELETES` paths."""
        distinct = builtins.list(dict.fromkeys(paths))
        for start in range(0, len(distinct), MAX_DELETES):
            chunk = distinct[start : start + MAX_DELETES]
            request = CommitRequest(database=self._calls.database)
            for path in chunk:
                request.writes.add().delete = self._prefix + path
            try:
                response = self._calls.commit(request)
            except Unknown:
                meter().bill(deletes=len(chunk))
                raise
            meter().bill(deletes=len(chunk), time=to_micros(response.commit_time))

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
            # The emulator's queries have the same fault as its look-ups (3 of 349 beside a busy writer): query once more at
            # exactly the read time of the first.
            request.read_time.CopyFrom(read_time)
            page, _ = self._run(request)
        return page

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> bool:
        """See the port. Listens; polls where Listen does not work."""
        deadline = self._runtime.monotonic() + timeout_s
        names = [self._prefix + path for path in paths]
        for _ in range(ATTACHES if paths else 0):
            left_s = deadline - self._runtime.monotonic()
            if left_s < FIRST_POLL_S:
                break
            told = self._listener.wait(names, left_s)
            if told is Told.FOUND:
                return True
            if told is Told.NOTHING:
                self._quiet.remember(paths, meter().time, timeout_s)
                return False
            if told is Told.OFF:
                break
        if timeout_s >= FIRST_POLL_S > deadline - self._runtime.monotonic():
            return True  # what was created since the stream ended is not known, and no time is left to look here
        return self._poll(paths, deadline)

    def _poll(self, paths: Sequence[str], deadline: float) -> bool:
        """Look again and again, with jitter; each look is billed like any other read."""
        pause_s = FIRST_POLL_S
        while (left_s := deadline - self._runtime.monotonic()) > 0:
            self._runtime.sleep(min(left_s, pause_s * (0.5 + self._runtime.random() / 2)))
            if self._runtime.monotonic() >= deadline:
                break
            if self._waits_ended:
                return True
            try:
                found = self._look_up(paths, (), total_s=max(left_s, 1.0)) if paths else {}
            except StoreError:
                return True  # a hint only: if the error persists, the caller's own read raises it
            meter().bill(reads=len(paths))
            if any(doc for doc, _ in found.values()):
                return True
            pause_s = min(pause_s * 1.5, LAST_POLL_S)
        return False

    def end_waits(self) -> None:
        """See the port. A wait that polls ends before its next look."""
        self._waits_ended = True
        self._listener.close()

    def close(self) -> None:
        """End all waits, and close this process's gRPC channel. A later call opens a new one."""
        self.end_waits()
        self._calls.close()

    def _look_up(
        self,
        paths: Sequence[str],
        fields: Sequence[str] | None,
        read_time: Any = None,
        total_s: float = READ_TOTAL_S,
    ) -> dict[str, tuple[Doc | None, Any]]:
        """Return each path's document, or None, with its read time as a Timestamp. Bills nothing."""
        request = BatchGetDocumentsRequest(database=self._calls.database)
        request.documents.extend(self._prefix + path for path in paths)
        if fields is not None:
            request.mask.field_paths.extend(_mask(fields))
        if read_time is not None:
            request.read_time.CopyFrom(read_time)
        found: dict[str, tuple[Doc | None, Any]] = {}
        for response in self._calls.batch_get(request, total_s):
            kind = response.WhichOneof("result")
            if kind == "found":
                doc = read_document(response.found, self._prefix)
                found[doc.path] = doc, response.read_time
            elif kind == "missing":
                found[response.missing[len(self._prefix) :]] = None, response.read_time
        absent = [path for path in paths if path not in found]
        if absent:
            raise Unknown(f"the response to a look-up lacks {absent[0]}")
        return found

    def _exists(self, names: Sequence[str]) -> bool:
        """Whether one of the documents exists, or may exist, once running commits on them are done. Bills nothing."""
        paths = [name[len(self._prefix) :] for name in names]
        self._await_writers(paths)
        try:
            return any(doc for doc, _ in self._look_up(paths, (), total_s=1.0).values())
        except StoreError:
            return True

    def _check_waits(self, docs: Sequence[Doc | None]) -> None:
        """Do without Listen for a while if a wait was not told of a document that had been created long before its end."""
        missed = self._quiet.missed(docs)
        if missed is not None:
            self._listener.distrust(f"a wait was not told of {missed}")

    def _await_writers(self, paths: Sequence[str]) -> None:
        """Wait until the emulator has finished the running commits on some documents.

        Sends a conditional write that cannot succeed, because no document was updated in 1970. The emulator first waits for
        the locks of the documents, then finds the condition unmet.
        """
        request = CommitRequest(database=self._calls.database)
        for path in paths:
            write = request.writes.add()
            write.update.name = self._prefix + path
            write.current_document.update_time.CopyFrom(to_timestamp(1_000_000))
        # expected is Changed; if the emulator gave up on a lock (after 2 s), reading again is still the best to do
        with suppress(StoreError):
            self._calls.commit(request, conditional=True)

    def _run(self, request: Any) -> tuple[Page, Any]:
        """Return a query's documents, and its read time as a Timestamp."""
        responses = self._calls.run_query(request)
        if not responses:  # an empty result still has one response, with the read time alone
            raise Unknown("the response to a query has no read time")
        docs = [
            read_document(response.document, self._prefix) for response in responses if response.HasField("document")
        ]
        # If read times rise within a result, the earlier documents did not change meanwhile: the last time holds for all.
        read_time = responses[-1].read_time
        return Page(docs, to_micros(read_time)), read_time

    def _write(self, request: Any, *, conditional: bool) -> int:
        """Commit one write and return the document's update time, µs."""
        try:
            response = self._calls.commit(request, conditional=conditional)
        except (Exists, Changed, Unknown):
            # Google does not document whether an unmet condition costs a read or a write: billed as the dearer write.
            meter().bill(writes=1)
            raise
        meter().bill(writes=1, time=to_micros(response.commit_time))
        return to_micros(response.write_results[0].update_time)


def _mask(fields: Sequence[str]) -> builtins.list[str]:
    """Return a field mask; for no fields it names only the document, because an empty mask means all fields."""
    return [field_path(name) for name in fields] or [_NAME]
