"""Several threads and processes on one store, killed and forked ones among them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from pubsubservice.storage.port import Changed, Exists, Store
from stores import workers
from stores.opening import open_store
from stores.started import Started


def test_of_racing_threads_one_creates_each_path(store: Store) -> None:
    winners: list[tuple[str, int]] = []
    losers: list[str] = []

    def try_to_create(path: str) -> None:
        try:
            winners.append((path, store.create(path, {})))
        except Exists:
            losers.append(path)

    def race() -> None:
        for n in range(25):
            try_to_create(f"races/{n}")

    _join([threading.Thread(target=race) for _ in range(6)])
    assert len(winners) == 25
    assert len(losers) == 125
    docs = store.get_many([path for path, _ in winners]).docs
    assert [(doc.path, doc.created) for doc in docs if doc] == winners


def test_of_racing_updates_each_condition_is_met_once(store: Store) -> None:
    """A counter that several threads raise counts every success."""
    store.create("counters/a", {"n": 0})

    def raise_it() -> None:
        for _ in range(10):
            while True:
                [doc] = store.get_many(["counters/a"]).docs
                assert doc is not None
                try:
                    store.update("counters/a", {"n": int(doc.data["n"] or 0) + 1}, doc.updated)
                except Changed:
                    continue
                break

    _join([threading.Thread(target=raise_it) for _ in range(4)])
    [doc] = store.get_many(["counters/a"]).docs
    assert doc is not None
    assert doc.data == {"n": 40}


def test_of_racing_processes_one_creates_each_path(store: Store, store_url: str, started: Started) -> None:
    pipes = [started.start(workers.race, store_url, name, 100)[1] for name in ("one", "two")]
    for pipe in pipes:
        assert pipe.recv() == "ready"
    for pipe in pipes:
        pipe.send("go")
    won = {name: pipe.recv() for name, pipe in zip(("one", "two"), pipes, strict=True)}
    docs = store.list("races", limit=200).docs
    assert len(docs) == 100
    assert {name: {int(doc.path[6:]): doc.created for doc in docs if doc.data["by"] == name} for name in won} == won
    assert len({doc.created for doc in docs}) == 100


def test_a_killed_writer_leaves_all_it_was_told_of_and_nothing_half_written(
    store: Store, store_url: str, started: Started
) -> None:
    process, pipe = started.start(workers.append_for_ever, store_url)
    acknowledged = dict(pipe.recv() for _ in range(20))
    process.kill()
    process.join()
    while pipe.poll():
        try:
            n, created = pipe.recv()
        except EOFError:
            break
        acknowledged[n] = created
    docs = store.list("stream", limit=1000).docs
    assert [doc.data["n"] for doc in docs] == list(range(len(docs)))
    assert len(acknowledged) <= len(docs) <= len(acknowledged) + 1
    for n, doc in enumerate(docs):
        assert doc.created == acknowledged.get(n, doc.created)
        assert doc.data["blob"] == bytes([n % 251]) * 50_000
    store.create(f"stream/{len(docs):06}", {})  # and the way is free for the next


def test_a_store_opened_again_has_everything(store: Store, store_url: str) -> None:
    created = store.create("topics/a", {"n": 1})
    updated = store.update("topics/a", {"n": 2}, created)
    store.close()
    again = open_store(store_url)
    assert again.get_many(["topics/a"]).docs == [("topics/a", {"n": 2}, created, updated)]
    assert again.create("topics/b", {}) > updated
    again.close()


FORKING = """
import os, sys, threading
sys.path[:] = {path!r}
from stores.opening import open_store
from stores.started import Started
store = open_store({url!r})
store.create("forked/before", {{}})
stop = threading.Event()
def write():
    n = 0
    while not stop.is_set():
        store.create(f"beside/{{n}}", {{}})
        n += 1
beside = threading.Thread(target=write)
beside.start()
children = []
for c in range(3):
    child = os.fork()
    if not child:
        for n in range(10):
            store.create(f"forked/{{c}}-{{n}}", {{}})
        assert store.get_many(["forked/before"]).docs[0]
        store.wait_for(["forked/never"], 0.05)
        os._exit(0)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
beside.join()
assert codes == [0, 0, 0], codes
assert len(store.list("forked", limit=1000).docs) == 31
store.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_child_and_its_parent_both_go_on(store: Store, store_url: str) -> None:
    """Forked while another thread writes: no write is lost, nothing hangs, no connection is shared."""
    script = FORKING.format(path=sys.path, url=store_url)
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert len(store.list("forked", limit=1000).docs) == 31


def test_waiting_ends_when_another_thread_creates_the_path(store: Store) -> None:
    waiting, woken_s = threading.Event(), []

    def wait() -> None:
        waiting.set()
        assert store.wait_for(["topics/x", "topics/a"], 20)
        woken_s.append(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    created_s = time.monotonic()
    store.create("topics/a", {})
    thread.join()
    assert woken_s[0] - created_s < 15  # the wait lasts 20 s


def test_waiting_ends_when_another_process_creates_the_path(store: Store, store_url: str, started: Started) -> None:
    _, pipe = started.start(workers.create_later, store_url, "topics/a")
    assert pipe.recv() == "ready"
    begun_s = time.monotonic()
    threading.Timer(0.2, pipe.send, ["go"]).start()
    assert store.wait_for(["topics/x", "topics/a"], 20)
    waited_s = time.monotonic() - begun_s
    assert store.get_many(["topics/a"]).docs[0] is not None
    assert 0.15 < waited_s < 15
    pipe.send("end")


def test_waiting_for_what_is_there_already_ends_soon(store: Store) -> None:
    store.create("topics/a", {})
    begun_s = time.monotonic()
    assert store.wait_for(["topics/x", "topics/a"], 20)
    assert time.monotonic() - begun_s < 15


def test_waiting_ends_at_the_timeout(store: Store) -> None:
    begun_s = time.monotonic()
    # longer than a store may try to listen before it polls, however busy the machine is
    assert not store.wait_for(["topics/x"], 2.5)
    assert 2.4 < time.monotonic() - begun_s < 30


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
