"""What is SQLite's own: the file, its clock, its failures, and waiting."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pytest

from pubsub_emulator.errors import DataDirError, NewerFormatError
from pubsub_emulator.sqlite.store import FORMAT, SQLiteStore
from pubsubservice.core.meter import start_meter
from pubsubservice.storage.port import Refused, Unknown

SECOND_US = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(path)
    yield opened
    opened.close()


class Clock:
    """The machine's clock, as a test sets it."""

    def __init__(self) -> None:
        self.now_us = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now_us


def test_a_file_of_a_newer_format_is_refused_and_left_alone(path: Path) -> None:
    SQLiteStore(path).close()
    _execute(path, f"UPDATE meta SET format = {FORMAT + 1}")
    before = path.read_bytes()
    with pytest.raises(NewerFormatError, match=f"has format {FORMAT + 1}"):
        SQLiteStore(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("my notes, longer than the header of a database file would be\n" * 100)
    before = path.read_bytes()
    with pytest.raises(DataDirError, match="not a database"):
        SQLiteStore(path)
    assert path.read_bytes() == before


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataDirError, match="No such file or directory"):
        SQLiteStore(tmp_path / "nowhere" / "store.sqlite3")


def test_many_threads_may_open_a_new_file_at_once(path: Path) -> None:
    failures: list[Exception] = []
    barrier = threading.Barrier(8)

    def open_it() -> None:
        barrier.wait()
        try:
            SQLiteStore(path).close()
        except Exception as error:  # whatever it is, it is a failure
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_commit_times_are_the_machines_and_rise_within_one_microsecond(path: Path) -> None:
    clock = Clock()
    store = SQLiteStore(path, now=clock)
    assert [store.create(f"a/{n}", {}) - clock.now_us for n in range(3)] == [0, 1, 2]
    store.close()


def test_the_clock_of_a_store_can_be_moved_for_all_on_the_file(store: SQLiteStore, path: Path) -> None:
    other = SQLiteStore(path)
    before = store.create("a/1", {})
    store.advance(3600)
    assert other.get_many(["a/1"]).time >= before + 3600 * SECOND_US
    assert other.create("a/2", {}) >= before + 3600 * SECOND_US
    other.close()
    again = SQLiteStore(path)
    assert again.create("a/3", {}) >= before + 3600 * SECOND_US
    again.close()


def test_when_the_machines_clock_is_set_back_the_stores_goes_on(path: Path) -> None:
    """Neither backwards nor standing still for that long."""
    clock = Clock()
    store = SQLiteStore(path, now=clock)
    before = store.create("a/1", {})
    clock.now_us -= 3600 * SECOND_US
    first = store.get_many(["a/1"]).time
    clock.now_us += 5 * SECOND_US
    second = store.get_many(["a/1"]).time
    assert before < first < second
    assert second - first == 5 * SECOND_US
    assert store.create("a/2", {}) == second + 1
    store.close()


def test_a_reader_moves_a_clock_that_stands_and_no_other(path: Path) -> None:
    """Half a second is near enough: reading a busy store writes nothing."""
    clock = Clock()
    store = SQLiteStore(path, now=clock)
    created = store.create("a/1", {})
    clock.now_us += SECOND_US // 4
    assert store.get_many(["a/1"]).time == created
    clock.now_us += SECOND_US
    assert store.get_many(["a/1"]).time == clock.now_us
    assert store.list("a").time == clock.now_us
    store.close()


def test_a_writer_that_gets_no_turn_is_refused_as_busy(store: SQLiteStore, path: Path) -> None:
    store.create("a/1", {})
    impatient = SQLiteStore(path, busy_timeout_s=0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    meter = start_meter()
    with pytest.raises(Refused) as refused:
        impatient.create("a/2", {})
    assert refused.value.busy
    assert meter.writes == 0
    assert impatient.get_many(["a/1", "a/2"]).docs[1] is None  # reading goes on meanwhile
    holder.execute("ROLLBACK")
    impatient.create("a/2", {})
    holder.close()
    impatient.close()


def test_a_full_disk_refuses_the_write_and_keeps_the_rest(store: SQLiteStore) -> None:
    _on_every_connection(store, "PRAGMA max_page_count = 8")
    store.create("a/1", {})
    with pytest.raises(Refused, match="full") as refused:
        store.create("a/2", {"blob": b"x" * 100_000})
    assert not refused.value.busy
    assert [doc.path for doc in store.list("a").docs] == ["a/1"]


def test_a_read_only_file_refuses_the_write_and_can_be_read(store: SQLiteStore) -> None:
    store.create("a/1", {})
    _on_every_connection(store, "PRAGMA query_only = ON")
    with pytest.raises(Refused, match="readonly"):
        store.create("a/2", {})
    assert [doc.path for doc in store.list("a").docs] == ["a/1"]


@pytest.mark.parametrize("applied", [True, False])
def test_an_error_at_commit_is_unknown(store: SQLiteStore, applied: bool) -> None:
    """The disk failed while the commit was written: it may be there or not, and the store goes on."""

    class FailsToCommit(sqlite3.Connection):
        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:  # type: ignore[override]
            if sql == "COMMIT" and failing:
                if applied:
                    super().execute(sql)
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *parameters)  # type: ignore[arg-type]

    _connect_with(store, FailsToCommit)
    failing = [True]
    with pytest.raises(Unknown):
        store.create("a/1", {})
    failing.clear()
    assert (store.get_many(["a/1"]).docs[0] is not None) == applied
    store.create("a/2", {})


def test_a_closed_store_refuses_and_lets_its_waiters_go(store: SQLiteStore) -> None:
    waiter = threading.Thread(target=store.wait_for, args=(["a/1"], 60))
    waiter.start()
    store.close()
    waiter.join(10)
    assert not waiter.is_alive()
    with pytest.raises(Refused, match="closed"):
        store.get_many(["a/1"])
    store.close()


def test_a_wait_that_meets_the_close_of_the_store_returns(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has begun, and finds the files closed when it looks."""
    existing = store._watch._existing

    def closed_before(paths: Iterable[str]) -> Collection[str]:
        if threading.current_thread() is threading.main_thread():
            store.close()
        return existing(paths)

    monkeypatch.setattr(store._watch, "_existing", closed_before)
    store.wait_for(["a/1"], 60)


def test_waits_can_be_ended_while_the_store_goes_on(store: SQLiteStore) -> None:
    waiter = threading.Thread(target=store.wait_for, args=(["a/1"], 60))
    waiter.start()
    store.end_waits()
    waiter.join(10)
    assert not waiter.is_alive()
    store.wait_for(["a/1"], 60)
    store.create("a/1", {})


def test_only_the_waiters_of_a_path_are_woken(store: SQLiteStore) -> None:
    woken: list[str] = []

    def wait(path: str) -> None:
        store.wait_for([path], 60)
        woken.append(path)

    one, two = (threading.Thread(target=wait, args=(path,)) for path in ("a/1", "a/2"))
    one.start()
    two.start()
    store.create("a/3", {})
    store.create("a/1", {})
    one.join(10)
    assert woken == ["a/1"]
    store.create("a/2", {})
    two.join(10)
    assert woken == ["a/1", "a/2"]


def test_a_hundred_waiters_cost_about_what_one_does(store: SQLiteStore) -> None:
    """Under a tenth of a core, on one thread, while another process could write at any time."""
    waiters = [threading.Thread(target=store.wait_for, args=([f"a/{n}"], 1.0)) for n in range(100)]
    for waiter in waiters:
        waiter.start()
    assert [thread.name for thread in threading.enumerate()].count("pubsub-watch") == 1
    spent_s, begun_s = time.process_time(), time.monotonic()
    for waiter in waiters:
        waiter.join()
    assert time.process_time() - spent_s < 0.25 * (time.monotonic() - begun_s)


def test_connections_are_few_however_many_threads_there_were(store: SQLiteStore) -> None:
    opened = []
    open_one = store._connections.open
    store._connections.open = lambda: opened.append(1) or open_one()  # type: ignore[func-returns-value,method-assign]
    for _ in range(50):
        thread = threading.Thread(target=store.get_many, args=(["a/1"],))
        thread.start()
        thread.join()
    assert len(opened) <= 1


def _execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


def _on_every_connection(store: SQLiteStore, statement: str) -> None:
    open_one = store._connections.open

    def open_so() -> sqlite3.Connection:
        connection = open_one()
        connection.execute(statement)
        return connection

    _forget_idle(store)
    store._connections.open = open_so  # type: ignore[method-assign]


def _connect_with(store: SQLiteStore, kind: type[sqlite3.Connection]) -> None:
    _forget_idle(store)
    store._connections.open = lambda: sqlite3.connect(  # type: ignore[method-assign]
        store.path, isolation_level=None, check_same_thread=False, factory=kind
    )


def _forget_idle(store: SQLiteStore) -> None:
    with store._connections._free:
        store._connections._close_idle()
