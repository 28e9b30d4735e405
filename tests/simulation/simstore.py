"""A store that does what a distributed one may do to its callers: stalls, lost requests, lost answers, writes that come
later, reads that are a little old, callers that are killed in the middle. Its documents themselves are always right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from pubsub_emulator.memory.store import MemoryStore
from pubsubservice.core.meter import meter
from pubsubservice.storage.port import Changed, Doc, Exists, Fields, Page, Reads, Unknown

from .scheduler import SECOND, Scheduler


class SimStore(MemoryStore):
    """The store in memory, whose callers the scheduler interleaves."""

    def __init__(self, scheduler: Scheduler, on_commit: Callable[[str, Doc | None, Doc | None], None]) -> None:
        super().__init__(now=lambda: scheduler.time - self._behind)
        self._time = scheduler.time
        self._scheduler = scheduler
        self._random = scheduler.random
        self._on_commit = on_commit
        #: how far it is behind the time that processes count, µs
        self._behind = 0
        #: no more faults: everything is to come to its end
        self.calm = False
        self.gentle = False
        #: how likely a call stalls for longer than F
        self.stalls = 0.004

    def now(self) -> int:
        """The store's time, µs."""
        return max(self._time, self._now())

    def set_back(self, seconds: float) -> None:
        """The machine's clock is set back, or right again: the store's goes on from where it is, so it stands, or leaps."""
        self._behind += round(seconds * SECOND)

    # -- the port

    def get_many(self, paths: Sequence[str], fields: Sequence[str] | None = None) -> Reads:
        self._step()
        meter().bill(reads=len(paths))
        self._maybe_fail(0.005, "read failed")
        docs: list[Doc | None] = [None] * len(paths)
        times = [0] * len(paths)
        order = list(range(len(paths)))
        if len(order) > 1 and self._chance(0.2):  # the documents of one read need not be of one moment
            order.reverse()
        time = self._read_time()
        for n, i in enumerate(order):
            if n and self._chance(0.05):
                self._scheduler.pass_baton()
                time = self._read_time()
            docs[i], times[i] = self.documents.get(paths[i]), time
        meter().bill(time=min(times))
        return Reads(docs, times)

    def create(self, path: str, data: Fields) -> int:
        return self._write(lambda: self._create(path, data))

    def update(self, path: str, data: Fields, if_update_time: int) -> int:
        return self._write(lambda: self._update(path, data, if_update_time))

    def remove(self, path: str, if_update_time: int) -> None:
        self._write(lambda: self._remove(path, if_update_time), deletes=1)

    def delete(self, paths: Sequence[str]) -> None:
        self._step()
        meter().bill(deletes=len(paths))
        for path in paths:
            if self._chance(0.02):
                raise Unknown("delete: the rest may come or not")
            self._delete(path)
            if self._chance(0.05):
                self._scheduler.pass_baton()

    def list(
        self, collection: str, after: str | None = None, limit: int = 100, fields: Sequence[str] | None = None
    ) -> Page:
        self._step()
        self._maybe_fail(0.005, "list failed")
        docs = [*self._page(collection, after, limit)]
        meter().bill(reads=max(1, len(docs)))
        return Page(docs, self._read_time())

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> bool:
        until = self._scheduler.time + round(timeout_s * SECOND)
        assert self._scheduler.current is not None
        self._scheduler.current.waited = True
        while self._scheduler.time < until and not any(path in self.documents for path in paths):
            self._scheduler.sleep_until(min(until, self._scheduler.time + SECOND))
        return any(path in self.documents for path in paths)

    # -- the documents, and what is judged at each commit

    def _create(self, path: str, data: Fields) -> int:
        created = super()._create(path, data)
        self._on_commit(path, None, self.documents[path])
        return created

    def _update(self, path: str, data: Fields, if_update_time: int) -> int:
        old = self.documents.get(path)
        updated = super()._update(path, data, if_update_time)
        self._on_commit(path, old, self.documents[path])
        return updated

    def _delete(self, path: str) -> None:
        old = self.documents.get(path)
        super()._delete(path)
        if old is not None:
            self._on_commit(path, old, None)

    # -- what happens to calls

    def _write(self, apply: Callable[[], int], *, deletes: int = 0) -> int:
        self._step()
        meter().bill(writes=1 - deletes, deletes=deletes)
        self._maybe_fail(0.03, "lost on the way")
        if self._chance(0.02):
            self._later(apply)
            raise Unknown("still coming")
        time = apply()
        self._step_after()
        self._maybe_fail(0.04, "the answer was lost")
        meter().bill(time=time)
        return time

    def _later(self, apply: Callable[[], int]) -> None:
        wait = self._random.choice((1, 3, 15, 40)) * SECOND

        def come() -> None:
            self._scheduler.sleep_until(self._scheduler.time + wait)
            with suppress(Exists, Changed):
                apply()

        errand = self._scheduler.current.errand if self._scheduler.current else None
        self._scheduler.spawn(come).errand = errand

    def _step(self) -> None:
        self._scheduler.pass_baton()
        if self._chance(self.stalls) and not self.gentle:
            self._scheduler.sleep_until(self._scheduler.time + self._random.choice((2, 9, 30, 70)) * SECOND)

    def _step_after(self) -> None:
        if self._chance(0.3):
            self._scheduler.pass_baton()

    def _maybe_fail(self, chance: float, why: str) -> None:
        if self._chance(chance):
            raise Unknown(why)

    def _chance(self, chance: float) -> bool:
        return not self.calm and self._random.random() < chance

    def _read_time(self) -> int:
        """What is read is of now; the time said for it is up to a second behind, but not before the last commit."""
        self._time = max(self._time, self._now() - self._random.randint(0, SECOND))
        return self._time
