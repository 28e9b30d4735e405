"""Read times: what a reader may conclude from what it does not see."""

from __future__ import annotations

import threading
import time

from pubsubservice.storage.port import Store
from stores import workers
from stores.opening import open_store
from stores.started import Started

LOG = "topics/orders/logs/0/batches"


def test_a_read_time_covers_every_commit_before_the_read(store: Store) -> None:
    for n in range(20):
        created = store.create(f"{LOG}/{n:03}", {})
        assert store.get_many([f"{LOG}/{n + 1:03}"]).time >= created
        assert store.list(LOG, limit=1).time >= created


def test_what_is_created_after_a_miss_is_younger_than_the_miss(store: Store) -> None:
    for n in range(20):
        path = f"{LOG}/{n:03}"
        missed = store.get_many([path])
        assert missed.docs == [None]
        page = store.list(LOG, after=f"{n - 1:03}" if n else None)
        assert page.docs == []
        assert store.create(path, {}) > max(missed.time, page.time)


class Observer:
    """Reads while others write, and remembers what it did not see and when."""

    def __init__(self) -> None:
        self.written = threading.Event()
        #: the newest read time at which a path was missing
        self.misses: dict[str, int] = {}
        #: read time and length of each page
        self.pages: list[tuple[int, int]] = []

    def look_up(self, store: Store, prefix: str) -> None:
        n = 0
        while not self.written.is_set():
            reads = store.get_many([f"{prefix}{k:03}" for k in range(n, n + 4)])
            for k, (doc, read_time) in enumerate(zip(reads.docs, reads.times, strict=True), n):
                if doc is None:
                    path = f"{prefix}{k:03}"
                    self.misses[path] = max(self.misses.get(path, 0), read_time)
                else:
                    n = k + 1

    def count(self, store: Store) -> None:
        while not self.written.is_set():
            page = store.list(LOG, limit=1000, fields=[])
            self.pages.append((page.time, len(page.docs)))


def test_a_miss_beside_busy_writers_is_never_older_than_it_says(store: Store, store_url: str, started: Started) -> None:
    """Missing at read time r and found later means created after r, for look-ups and for pages.

    One writer is a thread and one a process, and the readers are on two handles.
    """
    seen, other = Observer(), open_store(store_url)
    _, pipe = started.start(workers.append, store_url, f"{LOG}/a", 150)
    assert pipe.recv() == "ready"
    readers = [
        threading.Thread(target=seen.look_up, args=(other, f"{LOG}/a")),
        threading.Thread(target=seen.look_up, args=(store, f"{LOG}/b")),
        threading.Thread(target=seen.count, args=(other,)),
    ]
    for thread in readers:
        thread.start()
    pipe.send("go")
    for n in range(150):
        store.create(f"{LOG}/b{n:03}", {"n": n})
    assert pipe.recv() == "done"
    seen.written.set()
    for thread in readers:
        thread.join()
    other.close()
    docs = store.list(LOG, limit=1000).docs
    assert len(docs) == 300
    assert seen.misses
    assert [doc.path for doc in docs if doc.created <= seen.misses.get(doc.path, 0)] == []
    assert [page for page in seen.pages if page[1] < sum(doc.created <= page[0] for doc in docs)] == []


def test_the_read_time_of_an_idle_store_follows_real_time(store: Store) -> None:
    """At most a second behind: leases end and retention goes on although nobody writes."""
    store.create("topics/a", {})
    first, started = store.get_many(["topics/a"]).time, time.monotonic()
    while (elapsed_s := time.monotonic() - started) < 1.6:
        time.sleep(0.1)  # time itself is what is waited for
        read_time, page_time = store.get_many(["topics/x"]).time, store.list("topics").time
        assert min(read_time, page_time) - first >= (elapsed_s - 1) * 1_000_000
    assert read_time > first


def test_read_times_of_one_reader_never_fall(store: Store) -> None:
    times = []
    for n in range(30):
        times.append(store.get_many(["topics/a", "topics/b"]).time)
        if n % 5 == 0:
            times.append(store.create(f"topics/n{n}", {}))
        times.append(store.list("topics").time)
    assert times == sorted(times)


def test_a_commit_is_younger_than_one_that_was_finished_before_on_another_handle(store: Store, store_url: str) -> None:
    other = open_store(store_url)
    times = [(store, other)[n % 2].create(f"topics/{n}", {}) for n in range(20)]
    other.close()
    assert times == sorted(set(times))
