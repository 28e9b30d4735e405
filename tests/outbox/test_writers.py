"""Eight writers at once: no event is skipped, and those of one transaction come in order."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections import defaultdict
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest

from outbox.postgres import Postgres
from outbox.stores import connector, rows
from pubsubclient.outbox import Outbox
from pubsubclient.testing import Local

_WRITERS = 8
_TRANSACTIONS = 300


@pytest.mark.parametrize("seed", range(5))
def test_sessions_of_postgres_that_commit_in_any_order(postgres: Postgres, pubsub: Local, seed: int) -> None:
    """One thread leads eight sessions, so each seed interleaves beginnings, additions, ends and relaying in its own way."""
    address = postgres.schema()
    outbox = Outbox(connect=connector(address))
    with closing(psycopg.connect(address)) as connection:
        outbox.create(connection)
        connection.commit()
    relay = outbox.relay()
    choose = random.Random(seed)
    sessions = [psycopg.connect(address) for _ in range(_WRITERS)]
    #: the transaction that each session is in, and how many events it has added
    inside: list[tuple[int, int] | None] = [None] * _WRITERS
    committed: dict[int, int] = {}
    begun = 0
    while begun < _TRANSACTIONS or any(inside):
        writer = choose.randrange(_WRITERS)
        now = inside[writer]
        if choose.random() < 0.05:
            relay.run_once()
        elif now is None:
            if begun < _TRANSACTIONS:
                inside[writer] = (begun, 0)
                begun += 1
        elif choose.random() < 0.6:
            outbox.add(sessions[writer], "orders", now)
            inside[writer] = (now[0], now[1] + 1)
        else:
            if choose.random() < 0.8:
                sessions[writer].commit()
                committed[now[0]] = now[1]
            else:
                sessions[writer].rollback()
            inside[writer] = None
    relay.run_once()
    for session in sessions:
        session.close()
    check(pubsub, committed)


def test_a_transaction_that_goes_on_lets_no_later_one_overtake_it(postgres: Postgres, pubsub: Local) -> None:
    address = postgres.schema()
    outbox = Outbox(connect=connector(address))
    with closing(psycopg.connect(address)) as early, closing(psycopg.connect(address)) as late:
        outbox.create(early)
        early.commit()
        outbox.add(early, "orders", "early")
        outbox.add(late, "orders", "late")
        late.commit()
        assert outbox.relay().run_once() == 0
        outbox.add(early, "orders", "early, too")
        early.commit()
    assert outbox.relay().run_once() == 3
    assert [event.data for event in pubsub.published("orders")] == ["early", "early, too", "late"]


def test_rows_from_the_backup_of_a_server_that_was_ahead_are_published(postgres: Postgres, pubsub: Local) -> None:
    address = postgres.schema()
    outbox = Outbox(connect=connector(address))
    with closing(psycopg.connect(address)) as connection:
        outbox.create(connection)
        outbox.add(connection, "orders", 1)
        outbox.add(connection, "orders", 2)
        connection.execute("UPDATE pubsub_outbox SET xid = '9000000000'")
        connection.commit()
    assert outbox.relay().run_once() == 2
    assert [event.data for event in pubsub.published("orders")] == [1, 2]


def test_threads_that_write_to_sqlite(tmp_path: Any, pubsub: Local) -> None:
    address = str(tmp_path / "shop.db")
    outbox = Outbox(connect=connector(address))
    with closing(connector(address)()) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        outbox.create(connection)
        connection.commit()
    committed: dict[int, int] = {}

    def write(writer: int) -> None:
        choose = random.Random(writer)
        with closing(sqlite3.connect(address, timeout=120)) as connection:
            for transaction in range(writer, 10 * _WRITERS, _WRITERS):
                events = choose.randrange(1, 4)
                for part in range(events):
                    outbox.add(connection, "orders", (transaction, part))
                if choose.random() < 0.8:
                    connection.commit()
                    committed[transaction] = events
                else:
                    connection.rollback()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(_WRITERS)]
    for writer in writers:
        writer.start()
    relay = outbox.relay()
    while any(writer.is_alive() for writer in writers):
        with suppress(sqlite3.OperationalError):
            relay.run_once()
    relay.run_once()
    for writer in writers:
        writer.join()
    check(pubsub, committed)
    assert rows(address, "SELECT count(*) FROM pubsub_outbox WHERE sent IS NULL") == [(0,)]


def check(pubsub: Local, committed: dict[int, int]) -> None:
    """Each event of a committed transaction came once, next to the others of its transaction, in order."""
    came: dict[int, list[int]] = defaultdict(list)
    places: dict[int, list[int]] = defaultdict(list)
    for place, event in enumerate(pubsub.published("orders")):
        transaction, part = event.data
        came[transaction].append(part)
        places[transaction].append(place)
    assert came == {transaction: list(range(events)) for transaction, events in committed.items() if events}
    assert all(found == list(range(found[0], found[0] + len(found))) for found in places.values())
