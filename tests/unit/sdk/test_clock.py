"""The clock of a service: what the SDK looks at and waits by."""

from __future__ import annotations

import pickle
import threading
import time

import pytest

from pubsubclient import Service, Subscriber, Unavailable
from pubsubclient._core.clock import Clock
from unit.sdk.clocks import Moved
from unit.sdk.scripted import Reply, ScriptedService, event, lease

AWAY = Reply({}, status=503)


def test_a_call_pauses_and_gives_up_by_the_clock(server: ScriptedService, clock: Moved) -> None:
    """An hour of tries, of which none is waited for."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=3600.0, clock=clock))
    server.script("get_events", *[AWAY] * 10_000)
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        subscriber.get_events()
    assert clock.ahead_s > 3000
    assert time.monotonic() - started < 1800  # however slow the machine is
    assert caught.value.tries > 100


def test_a_lease_ends_by_the_clock(server: ScriptedService, clock: Moved) -> None:
    """What the loop has not begun by then is dropped, as it comes again."""
    subscriber = Subscriber("billing", service=Service(server.url, clock=clock))
    server.script("get_events", lease(event(1)), lease(event(2), event(3)), lease(event(4)))
    ids = []
    for each in subscriber.events():
        ids.append(each.id)
        if each.id == "id-2":
            clock.ahead_s += 1000
        if each.id == "id-4":
            break
    assert ids == ["id-1", "id-2", "id-4"]


def test_a_deadline_of_a_moved_clock_cuts_no_request_short(server: ScriptedService, clock: Moved) -> None:
    """The deadline is far ahead or behind by the real clock, whose sockets are watched."""
    for ahead_s in (1e6, -1e6):
        clock.ahead_s = ahead_s
        subscriber = Subscriber(f"billing{ahead_s:.0f}", service=Service(server.url, clock=clock))
        server.script("get_events", lease(event(1)))
        assert len(subscriber.get_events()) == 1


def test_a_service_is_equal_to_another_with_the_same_clock(clock: Moved) -> None:
    """The real clock is the same in each process; so a pickled service shares connections there."""
    url = "http://127.0.0.1:1"
    assert Service(url, clock=clock) == Service(url, clock=clock)
    assert hash(Service(url, clock=clock)) == hash(Service(url, clock=clock))
    assert Service(url, clock=clock) != Service(url)
    assert pickle.loads(pickle.dumps(Service(url))) == Service(url)


def test_a_service_pickled_by_an_older_version_has_the_real_clock() -> None:
    """Its state had none."""
    state = Service("http://127.0.0.1:1").__dict__
    assert "clock" not in state  # as an older version reads it, too
    old = Service.__new__(Service)
    old.__dict__.update(pickle.loads(pickle.dumps(state)))
    assert old == Service("http://127.0.0.1:1")


def test_a_wait_ends_by_the_clock_or_when_its_condition_holds() -> None:
    """As `threading.Condition.wait_for`, by the clock's own time."""
    clock, condition, done = Clock(), threading.Condition(), []

    def finish() -> None:
        with condition:
            done.append(True)
            condition.notify()

    with condition:
        assert not clock.wait_for(condition, lambda: bool(done), 0.01)
        thread = threading.Thread(target=finish)
        thread.start()
        assert clock.wait_for(condition, lambda: bool(done))
    thread.join()
