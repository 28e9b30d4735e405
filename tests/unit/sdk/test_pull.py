"""Blocks of work on events: what their end settles."""

from __future__ import annotations

import os

import pytest

from pubsubclient import InvalidArgument, Service, ServiceError, Subscriber, Unavailable
from unit.sdk.clocks import Moved
from unit.sdk.hands import ref, settled, take
from unit.sdk.programs import run_program
from unit.sdk.scripted import BREAK_OFF, Reply, ScriptedService, event, lease


def test_a_clean_end_acknowledges(server: ScriptedService, subscriber: Subscriber) -> None:
    """The block's events, all of them, once."""
    server.script("get_events", lease(event(1), event(2), lost={"orders": 3}))
    with subscriber.pull(max_events=10, wait=1) as events:
        assert [e.data["n"] for e in events] == [1, 2]
        assert events.lost == {"orders": 3}
    asked, end = server.calls("get_events")
    assert asked == {
        "subscriber": "billing", "max_events": 10, "wait_s": asked["wait_s"], "wake": True, "lease": asked["lease"],
    }  # fmt: skip
    assert end == {"subscriber": "billing", "max_events": 0, "ack": [{"lease": asked["lease"]}]}


def test_without_a_bound_it_gets_all_that_is_there(server: ScriptedService, subscriber: Subscriber) -> None:
    """Under several leases, settled together."""
    server.script("get_events", lease(event(1), more=True), lease(event(2)))
    with subscriber.pull() as events:
        assert len(events) == 2
    assert settled(server) == {"ack": [{"lease": body["lease"]} for body in server.calls("get_events")[:2]]}


@pytest.mark.parametrize(
    ("error", "verb"),
    [
        (ValueError(), "nack"),
        (ServiceError("f", 400, "c", "d"), "nack"),
        (KeyboardInterrupt(), "release"),
        (SystemExit(1), "release"),
        (SystemExit(0), "release"),
        (GeneratorExit(), "release"),
    ],
    ids=repr,
)
def test_an_exception_settles_by_its_kind_and_passes(
    server: ScriptedService, subscriber: Subscriber, error: BaseException, verb: str
) -> None:
    """What was settled inside is left alone."""
    server.script("get_events", lease(*map(event, (1, 2, 3))))
    with pytest.raises(type(error)), subscriber.pull() as events:  # noqa: PT012 - the block is what is tested
        events[0].ack()
        events[2].nack()
        raise error
    token = server.calls("get_events")[0]["lease"]
    assert settled(server) == {verb: [{"lease": token, "events": [ref(2)]}]}


def test_nothing_is_sent_when_nothing_is_left(server: ScriptedService, subscriber: Subscriber) -> None:
    """Neither for no events nor for events settled by name."""
    with subscriber.pull() as events:
        assert events == []
    server.script("get_events", lease(event(1)))
    with subscriber.pull() as events:
        events[0].ack()
    assert len(server.calls("get_events")) == 3


def test_the_implicit_ack_is_not_mixed_with_it(server: ScriptedService, subscriber: Subscriber) -> None:
    """Neither settles the other's events."""
    _, mine = take(server, subscriber, 1)
    server.script("get_events", lease(event(2)))
    with subscriber.pull():
        assert settled(server) == {}
        subscriber.get_events()
        assert settled(server) == {"ack": [{"lease": mine}]}
        subscriber.close()
        assert len(server.calls("get_events")) == 3
    assert settled(server) == {"ack": [{"lease": server.calls("get_events")[1]["lease"]}]}


def test_a_clean_end_that_cannot_acknowledge_raises(server: ScriptedService) -> None:
    """The caller believes the events done."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    server.script("get_events", lease(event(1)), *[BREAK_OFF] * 100)
    with pytest.raises(Unavailable), subscriber.pull():
        pass


def test_an_exception_is_not_hidden_by_a_service_that_is_gone(
    server: ScriptedService, subscriber: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    """The events come again in any case."""
    server.script("get_events", lease(event(1)), Reply(status=400))
    with pytest.raises(ValueError, match="mine"), subscriber.pull():
        raise ValueError("mine")
    assert "events could not be settled and will come again" in caplog.text


def test_a_fetch_that_was_broken_off_is_released_with_the_next_request(server: ScriptedService) -> None:
    """It may have made a lease that nobody will see."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    server.script("get_events", *[BREAK_OFF] * 100)
    with pytest.raises(Unavailable), subscriber.pull():
        pass
    broken = server.calls("get_events")[0]["lease"]
    server.as_usual("get_events")
    with subscriber.pull():
        assert settled(server) == {"release": [{"lease": broken}]}


def test_it_is_entered_once(subscriber: Subscriber) -> None:
    """Its events are settled then."""
    pull = subscriber.pull()
    with pull:
        pass
    with pytest.raises(InvalidArgument, match="entered once"):
        pull.__enter__()


@pytest.mark.parametrize(("max_events", "wait"), [(0, 0), (5001, 0), (1, 21), (1, -1)])
def test_arguments_are_checked_at_once(subscriber: Subscriber, max_events: int, wait: float) -> None:
    """Not on entering."""
    with pytest.raises(InvalidArgument):
        subscriber.pull(max_events=max_events, wait=wait)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_that_leaves_the_block_settles_nothing(server: ScriptedService) -> None:
    """The events are the parent's."""
    program = """
import os
from pubsubclient import Subscriber
with Subscriber("billing").pull():
    child = os.fork() == 0
if child:
    os._exit(0)
assert os.wait()[1] == 0
"""
    server.script("get_events", lease(event(1)))
    ran = run_program(program, server.url)
    assert ran.returncode == 0, ran.stderr
    assert settled(server) == {"ack": [{"lease": server.calls("get_events")[0]["lease"]}]}
    assert len(server.calls("get_events")) == 2


def test_a_block_in_another_thread_that_the_program_does_not_wait_for_is_released(server: ScriptedService) -> None:
    """Nobody knows how far it is."""
    program = """
import threading
from pubsubclient import Subscriber
entered = threading.Event()
def work():
    with Subscriber("billing").pull():
        entered.set()
        threading.Event().wait()
threading.Thread(target=work, daemon=True).start()
entered.wait()
"""
    server.script("get_events", lease(event(1)))
    assert run_program(program, server.url).returncode == 0
    assert settled(server) == {"release": [{"lease": server.calls("get_events")[0]["lease"]}]}
