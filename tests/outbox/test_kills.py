"""SIGKILL at every step of adding, committing, relaying and marking: each committed row is one event, and no other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from e2e.serving import environment
from outbox.served import served
from outbox.stores import OTHER_SESSIONS, connector, rows
from pubsubclient.outbox import Outbox
from pubsubclient.testing import Local

#: how long the relay stays away, seconds of the store's time: the service recognises events for 10 minutes by itself
_AWAY_S = (1, 900)


@pytest.fixture
def child() -> Iterator[Callable[..., dict[str, Any]]]:
    """Runs a case of `killed.py` in a process of its own, and returns how it ended."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "killed.py")],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as forking:  # fmt: skip
        assert forking.stdin is not None
        assert forking.stdout is not None
        send, receive = forking.stdin, forking.stdout

        def run(**case: Any) -> dict[str, Any]:
            send.write(json.dumps(case) + "\n")
            send.flush()
            ended: dict[str, Any] = json.loads(receive.readline())
            return ended

        yield run
        send.close()


@pytest.mark.parametrize("away_s", _AWAY_S)
def test_a_kill_at_any_step_loses_and_doubles_nothing(
    address: str, away_s: int, pubsub: Local, child: Callable[..., dict[str, Any]]
) -> None:
    prepare(address)
    with served(pubsub) as url:
        case = {"address": address, "url": url}
        whole = child(**case, topics=["a", "b"], writes=True, kill_at=-1)
        assert whole["status"] == 0
        check(address, pubsub, ["a", "b"], [1, 3])
        steps = whole["steps"]
        assert_all_kinds(steps)
        for kill_at, step in enumerate(steps):
            topics = [f"a-{kill_at}", f"b-{kill_at}"]
            clear(address)
            ended = child(**case, topics=topics, writes=True, kill_at=kill_at)
            assert (ended["status"], ended["steps"]) == (-signal.SIGKILL, steps[:kill_at]), step
            await_end_of_sessions(address)
            pubsub.advance(away_s)
            again = child(**case, topics=topics, writes=False, kill_at=-1)
            assert again["status"] == 0, step
            check(
                address,
                pubsub,
                topics,
                [number for (number,) in rows(address, "SELECT number FROM orders ORDER BY number")],
            )


def prepare(address: str) -> None:
    with closing(connector(address)()) as connection:
        Outbox().create(connection)
        connection.cursor().execute("CREATE TABLE orders (number INTEGER)")
        connection.commit()


def clear(address: str) -> None:
    with closing(connector(address)()) as connection:
        for table in ("orders", "pubsub_outbox"):
            connection.cursor().execute(f"DELETE FROM {table}")
        connection.commit()


def await_end_of_sessions(address: str) -> None:
    """The server ends what a killed process had open once it has seen that the connection is shut."""
    if not address.startswith("host="):
        return
    others = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHER_SESSIONS}"
    with psycopg.connect(address, autocommit=True) as connection:
        while connection.execute(others).fetchall() != [(0,)]:
            connection.execute("SELECT pg_sleep(0.002)")


def assert_all_kinds(steps: list[str]) -> None:
    """The enumeration goes through what it claims to: a change of the code must not leave it empty."""
    kinds = {"INSERT INTO orders", "INSERT INTO pubsub_outbox", "commit", "rollback", "UPDATE pubsub_outbox SET first_try",
             "UPDATE pubsub_outbox SET sent", "send /publish", "lose /publish", "send /register", "end"}  # fmt: skip
    assert [kind for kind in kinds if not any(step.startswith(kind) for step in steps)] == []


def check(address: str, pubsub: Local, topics: list[str], committed: list[int]) -> None:
    """Each committed row is one event, in order, and no other event is there."""
    one, other = topics
    expected = {1: [(1, 0), (1, 2)], 3: [(3, 0)]}
    assert parts(pubsub, one) == [part for number in committed for part in expected[number]]
    assert parts(pubsub, other) == ([(1, 1)] if 1 in committed else [])
    assert rows(address, "SELECT seq FROM pubsub_outbox WHERE sent IS NULL") == []


def parts(pubsub: Local, topic: str) -> list[tuple[int, int]]:
    return [(event.data["order"], event.data["part"]) for event in pubsub.published(topic)]
