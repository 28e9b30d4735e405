"""How batches end: left, interrupted, with the program, or in a forked child."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from pubsubclient import BatchClosed, Event, Publisher, PublishRefused
from pubsubclient._publish import batch as _batch
from unit.sdk.programs import run_program, start_program
from unit.sdk.scripted import HANG, Reply, ScriptedService, event, lease, problem

BATCH = """
from pubsubclient import Event, Publisher
publisher = Publisher("shop")
batch = publisher.batch(max_delay=60)
for n in range(3):
    batch.publish("orders", n)
"""


def _data(server: ScriptedService) -> list[Any]:
    return [event.get("data") for body in server.calls("publish") for event in body["events"]]


def test_a_batch_that_was_left_takes_nothing_more(publisher: Publisher) -> None:
    """Its thread has ended."""
    with publisher.batch() as batch:
        batch.publish("orders")
        thread = batch._thread
    with pytest.raises(BatchClosed, match="closed"):
        batch.publish("orders")
    assert thread is not None
    thread.join(60)
    assert not thread.is_alive()
    batch.close()


def test_a_batch_without_events_starts_no_thread(server: ScriptedService, publisher: Publisher) -> None:
    """And sends nothing."""
    before = threading.active_count()
    with publisher.batch() as batch:
        assert threading.active_count() == before
        assert batch.flush()
    assert server.calls("publish") == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_on_its_way_out_is_not_hidden_by_failures(
    server: ScriptedService, publisher: Publisher, error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """What was published is sent all the same; what failed is logged."""
    server.script("publish", problem(403, "forbidden", "not yours"))

    def work() -> None:
        with publisher.batch(max_delay=60) as batch:
            batch.publish("orders", 1)
            raise error

    with pytest.raises(error):
        work()
    assert _data(server) == [1]
    assert "Publisher shop: 1 of 1 events were not stored: publish: not yours" in caplog.text


def test_an_interrupt_does_not_wait_for_long(
    server: ScriptedService,
    publisher: Publisher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Somebody wants to get out; what is left is said."""
    monkeypatch.setattr(_batch, "EXIT_DEADLINE_S", 0.2)
    server.script("publish", HANG)

    def work() -> None:
        with publisher.batch() as batch:
            batch.publish("orders", 1)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        work()
    assert time.monotonic() - started < 20  # the service does not respond
    assert "closed with events pending, which may be lost: <Batch of publisher 'shop', 1 events pending>" in caplog.text


def test_those_who_wait_for_room_hear_of_the_end(server: ScriptedService, publisher: Publisher) -> None:
    """Another thread has closed the batch."""
    asked, go_on, raised = threading.Event(), threading.Event(), []

    def held(body: Any) -> Reply:
        asked.set()
        go_on.wait(60)
        return Reply({"events": [server.receipt(event) for event in body["events"]]})

    server.script("publish", held)
    batch = publisher.batch(max_events=1, max_delay=0)
    batch.publish(Event("orders"))
    assert asked.wait(60)

    def publish() -> None:
        try:
            batch.publish(Event("orders"))
        except BatchClosed as error:
            raised.append(error)

    thread = threading.Thread(target=publish)
    thread.start()
    closing = threading.Thread(target=batch.close)
    closing.start()
    thread.join(60)
    assert len(raised) == 1
    go_on.set()
    closing.join(60)
    assert not closing.is_alive()


@pytest.mark.parametrize("ending", ["", "raise SystemExit(1)", "1 / 0", "del batch"])
def test_the_end_of_the_program_sends_what_is_left(server: ScriptedService, ending: str) -> None:
    """However it ends."""
    run_program(BATCH + ending, server.url)
    assert _data(server) == [0, 1, 2]


def test_what_fails_at_the_end_of_the_program_is_logged(server: ScriptedService) -> None:
    """Nobody is left to catch it."""
    server.script("publish", problem(403, "forbidden", "not yours"))
    ran = run_program(BATCH, server.url)
    assert ran.returncode == 0
    assert "At exit: 3 of 3 events were not stored: publish: not yours" in ran.stderr


def test_events_are_sent_before_those_that_they_were_made_of_are_acknowledged(server: ScriptedService) -> None:
    """A program that dies between the two does its work twice, not never."""
    program = """
from pubsubclient import Subscriber
subscriber = Subscriber("billing")
subscriber.get_events()
"""
    server.script("get_events", lease(event(1)))
    assert run_program(BATCH + program, server.url).returncode == 0
    assert [asked.function for asked in server.asked][-2:] == ["publish", "get_events"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_cannot_use_it(server: ScriptedService) -> None:
    """It raises, and leaving it there, or ending, sends nothing."""
    program = """
import os, sys, warnings
from pubsubclient import BatchClosed
warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons advise against forking with threads
with batch:
    if os.fork() == 0:
        for call in (lambda: batch.publish("orders"), batch.flush):
            try:
                call()
            except BatchClosed as error:
                assert "forked" in str(error)
            else:
                os._exit(1)
        batch.close()
        sys.exit(0)
    assert os.wait()[1] == 0
with publisher.batch() as batch:
    if os.fork() == 0:
        with publisher.batch() as own:
            own.publish("orders", "child")
        os._exit(0)
    assert os.wait()[1] == 0
"""
    ran = run_program(BATCH + program, server.url)
    assert ran.returncode == 0, ran.stderr
    assert _data(server) == [0, 1, 2, "child"]


def test_ctrl_c_leaves_the_program_within_seconds(server: ScriptedService) -> None:
    """Though the service hangs."""
    server.script("publish", *[HANG] * 10)
    program = BATCH + "batch.flush(0)\nimport time\nwith batch: time.sleep(60)"
    program = "import pubsubclient._publish.batch\npubsubclient._publish.batch.EXIT_DEADLINE_S = 0.2\n" + program
    with start_program(program, server.url) as process:
        while not server.calls("publish"):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(2)
        _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert "3 events pending" in err


def test_a_killed_program_has_stored_what_has_receipts(server: ScriptedService) -> None:
    """That is all that is promised."""
    program = (
        BATCH + "import os, signal\nbatch.flush()\nbatch.publish('orders', 9)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    assert run_program(program, server.url).returncode == -9
    assert _data(server) == [0, 1, 2]


def test_failures_are_told_of_once(server: ScriptedService, publisher: Publisher) -> None:
    """Closing again is no second failure."""
    server.script("publish", problem(403, "forbidden"))
    batch = publisher.batch()
    batch.publish("orders")
    with pytest.raises(PublishRefused):
        batch.close()
    batch.close()
