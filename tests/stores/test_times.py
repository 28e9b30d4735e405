"""Read times: what a reader may conclude from what it does not see."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pubsubservice.store import Store
from stores.opening import open_store

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


def test_a_miss_beside_busy_writers_is_never_older_than_it_says(store: Store, store_url: str) -> None:
    """Missing at read time r and found later means created after r, for look-ups and for pages."""
    written = threading.Event()
    misses: dict[str, int] = {}
    listed: list[tuple[int, int]] = []

    def append(prefix: str) -> None:
        for n in range(150):
            store.create(f"{LOG}/{prefix}{n:03}", {"n": n})

    def miss(reader: Store, prefix: str) -> None:
        n = 0
        while not written.is_set():
            paths = [f"{LOG}/{prefix}{k:03}" for k in range(n, n + 4)]
            reads = reader.get_many(paths)
            for path, doc, read_time in zip(paths, reads.docs, reads.times, strict=True):
                if doc is None:
                    misses[path] = max(misses.get(path, 0), read_time)
                else:
                    n += 1

    def count(reader: Store) -> None:
        while not written.is_set():
            page = reader.list(LOG, limit=1000, fields=[])
            listed.append((page.time, len(page.docs)))

    other = open_store(store_url)
    writers = [threading.Thread(target=append, args=(prefix,)) for prefix in "ab"]
    readers = [
        threading.Thread(target=miss, args=(other, "a")),
        threading.Thread(target=miss, args=(store, "b")),
        threading.Thread(target=count, args=(other,)),
    ]
    _run(writers, readers, written.set)
    docs = store.list(LOG, limit=1000).docs
    other.close()
    assert len(docs) == 300
    assert [doc.path for doc in docs if doc.created <= misses.get(doc.path, 0)] == []
    assert misses
    # everything committed up to a page's read time was on that page
    assert [
        (read_time, seen) for read_time, seen in listed if seen < sum(doc.created <= read_time for doc in docs)
    ] == []


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


def _run(writers: list[threading.Thread], readers: list[threading.Thread], done: Callable[[], None]) -> None:
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done()
    for thread in readers:
        thread.join()
