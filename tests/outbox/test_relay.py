"""Relays that go on: woken by commits, through failures of the database and the service, in workers and as a command."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from e2e.serving import Serving, environment
from outbox.postgres import Postgres
from outbox.stores import OTHER_SESSIONS, connector, rows
from pubsubclient import App, Event, Publisher, Service, Subscriber, configure
from pubsubclient._outbox import relay as relay_module
from pubsubclient.cli import main
from pubsubclient.outbox import Outbox

_LONG_S = 3_600.0
#: what a test waits for comes within this time, or the test fails
_WITHIN_S = 60
_WAIT_S, _WAITS = 20, 3


@pytest.fixture
def topic() -> str:
    return f"o-{uuid4().hex[:12]}"


@pytest.fixture
def receive(serving: Serving, topic: str) -> Iterator[Callable[[int], list[Any]]]:
    """Waits for so many events of the topic, and returns their data."""
    subscriber = Subscriber(topic, service=serving.url)
    subscriber.subscribe(topic)

    def wait(count: int) -> list[Any]:
        found: list[Any] = []
        for _ in range(_WAITS + count):
            found += [event.data for event in subscriber.get_events(wait=_WAIT_S)]
            if len(found) >= count:
                break
        return found

    yield wait
    subscriber.close()


def made(address: str) -> Outbox:
    outbox = Outbox(connect=connector(address))
    with closing(connector(address)()) as connection:
        outbox.create(connection)
        connection.commit()
    return outbox


def add(address: str, topic: str, *data: Any) -> None:
    with closing(connector(address)()) as connection:
        for one in data:
            Outbox().add(connection, topic, one)
        connection.commit()


def test_a_relay_goes_on(address: str, serving: Serving, topic: str, receive: Callable[[int], list[Any]]) -> None:
    with made(address).relay(serving.url):
        for number in range(3):
            add(address, topic, number)
            assert receive(1) == [number]


def test_a_commit_wakes_the_relay_on_postgres(
    postgres: Postgres,
    serving: Serving,
    topic: str,
    receive: Callable[[int], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_module, "_POLL_S", _LONG_S)
    address = postgres.schema()
    with made(address).relay(serving.url):
        for number in range(20):
            add(address, topic, number)
            assert receive(1) == [number]


def test_a_relay_outlives_its_session(
    postgres: Postgres,
    serving: Serving,
    topic: str,
    receive: Callable[[int], list[Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    address = postgres.schema()
    outbox = made(address)
    with caplog.at_level(logging.INFO, "pubsubclient.outbox"), outbox.relay(serving.url):
        add(address, topic, 1)
        assert receive(1) == [1]
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHER_SESSIONS}")
        add(address, topic, 2)
        assert receive(1) == [2]
    [said, *_] = [record.getMessage() for record in caplog.records]
    assert said.startswith("The outbox pubsub_outbox: events wait: ")


def test_a_relay_waits_for_its_table_and_says_so_once(
    address: str, serving: Serving, topic: str, receive: Callable[[int], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "_MAX_PAUSE_S", 0.01)
    said: list[str] = []
    waits = threading.Semaphore(0)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    opened = connector(address)

    def connect() -> Any:
        waits.release()
        return opened()

    logger = logging.getLogger("pubsubclient.outbox")
    handler = Handler(logging.WARNING)
    logger.addHandler(handler)
    try:
        with Outbox(connect=connect).relay(serving.url):
            for _ in range(5):
                assert waits.acquire(timeout=_WITHIN_S)
            made(address)
            add(address, topic, 1)
            assert receive(1) == [1]
    finally:
        logger.removeHandler(handler)
    assert len(said) == 1
    assert "pubsub_outbox" in said[0]


def test_another_relay_takes_over(
    address: str, serving: Serving, topic: str, receive: Callable[[int], list[Any]]
) -> None:
    outbox = made(address)
    first, second = outbox.relay(serving.url), outbox.relay(serving.url)
    with second:
        with first:
            add(address, topic, 1)
            assert receive(1) == [1]
        add(address, topic, 2)
        assert receive(1) == [2]


def test_a_worker_relays_beside_its_handlers(address: str, serving: Serving, topic: str) -> None:
    outbox = made(address)
    app, part = App(f"{topic}-app", service=serving.url), App("part")
    app.include(part)
    part.relay(outbox)
    seen: list[Any] = []
    came = threading.Event()

    @app.handler(topic)
    def handle(data: Any) -> None:
        seen.append(data)
        came.set()

    worker = app.worker()
    worker.start()
    add(address, topic, 17)
    assert came.wait(_WITHIN_S)
    worker.stop()
    assert worker.join(_WITHIN_S)
    assert (worker.exit_status, seen) == (0, [17])


_PROGRAM = """
from outbox.stores import connector
from pubsubclient.outbox import Outbox
outbox = Outbox(publisher="shop", connect=connector({address!r}))
"""


@pytest.fixture
def command(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Runs ``pubsub relay`` in this process, in the test's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PUBLISH_SUBSCRIBE_SERVICE", serving.url)
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return (main(["relay", *arguments]), *capsys.readouterr())

    yield run
    configure()


def program(folder: Path, text: str) -> str:
    """Write a module of this test's own; returns its name."""
    name = f"shop_{uuid4().hex[:12]}"
    (folder / f"{name}.py").write_text(text)
    return name


def test_the_command_relays_until_it_is_told_to_end(
    address: str, serving: Serving, topic: str, receive: Callable[[int], list[Any]], tmp_path: Path
) -> None:
    made(address)
    module = program(tmp_path, _PROGRAM.format(address=address))
    start = "import sys; from pubsubclient.cli import main; sys.exit(main())"
    relaying = subprocess.Popen(
        [sys.executable, "-c", start, "relay", f"{module}:outbox"],
        env=environment(PUBLISH_SUBSCRIBE_SERVICE=serving.url),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    add(address, topic, 1, 2)
    assert receive(2) == [1, 2]
    relaying.send_signal(signal.SIGTERM)
    out, err = relaying.communicate(timeout=_WITHIN_S)
    assert (relaying.returncode, out, err) == (0, "", "relaying pubsub_outbox\n")


def test_the_command_lists_what_is_refused_and_tries_it_again(
    address: str, serving: Serving, topic: str, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    made(address)
    shop = program(tmp_path, _PROGRAM.format(address=address))
    taken = Publisher("shop", service=Service(serving.url)).publish(topic, "taken")
    with closing(connector(address)()) as connection:
        Outbox(publisher="shop").add(connection, Event(topic, "another payload", id=taken.id))
        connection.commit()
    code, out, _ = command(shop, "--once", "--json")
    assert (code, json.loads(out)) == (0, {"published": 0})
    code, out, _ = command(shop, "--failed", "--json")
    [aside] = [json.loads(line) for line in out.splitlines()]
    assert (code, aside["topic"], aside["id"]) == (0, topic, taken.id)
    assert "payload_differs" in aside["reason"]
    code, out, _ = command(shop, "--failed")
    assert (code, len(out.splitlines())) == (0, 2)
    assert command(shop, "--retry") == (0, "", "1 event to be tried again\n")
    assert command(shop, "--failed") == (0, "", "pubsub_outbox has no events that the service refuses\n")
    assert rows(address, "SELECT failed FROM pubsub_outbox") == [(None,)]
    code, out, err = command(shop, "--once", "--failed")
    assert (code, out) == (2, "")
    assert "expected one of them" in err


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", 2, "has no 'outbox'"),
        ("outbox = 17", 2, "expected an Outbox; it is 17."),
        ("from pubsubclient.outbox import Outbox; outbox = Outbox()", 2, "has no connections of its own"),
        (
            "import sqlite3; from pubsubclient.outbox import Outbox\noutbox = Outbox(connect=lambda: sqlite3.connect('x'))",
            1,
            "the outbox's database: OperationalError: no such table: pubsub_outbox",
        ),
    ],
)
@pytest.mark.parametrize("option", ["--once", "--failed"])
def test_a_mistake_is_told_in_one_line(
    tmp_path: Path, command: Callable[..., tuple[int, str, str]], option: str, text: str, code: int, said: str
) -> None:
    ended, out, err = command(program(tmp_path, text), option)
    assert (ended, out, len(err.splitlines())) == (code, "", 1), err
    assert said in err
