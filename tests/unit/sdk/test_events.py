"""The loop over events: what it asks, what it settles, and how it is left."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import Any

import pytest

from pubsubclient import InvalidArgument, Subscriber, Unavailable
from pubsubclient._subscribe import stream as _stream
from unit.sdk.clocks import Moved
from unit.sdk.hands import in_thread, ref, settled, take
from unit.sdk.programs import run_program, start_program
from unit.sdk.scripted import HANG, NOW_US, Reply, ScriptedService, event, lease, problem


def token(server: ScriptedService, call: int = 0) -> str:
    """The token of a call's lease."""
    found: str = server.calls("get_events")[call]["lease"]
    return found


def test_acks_travel_with_the_next_fetch(server: ScriptedService, subscriber: Subscriber) -> None:
    """The loop ends when nothing came for as long as it was to wait."""
    server.script("get_events", lease(event(1), event(2)), lease(event(3)))
    assert [e.data["n"] for e in subscriber.events(wait=0, max_events=2)] == [1, 2, 3]
    first, second, third = server.calls("get_events")
    assert first == {"subscriber": "billing", "max_events": 1, "lease": first["lease"]}
    assert second["ack"] == [{"lease": first["lease"]}]
    assert third["ack"] == [{"lease": second["lease"]}]
    assert "wait_s" not in third


def test_nothing_is_sent_before_the_loop_begins(server: ScriptedService, subscriber: Subscriber) -> None:
    """Asking for a loop is not entering it."""
    subscriber.events().close()
    assert server.calls("get_events") == []


@pytest.mark.parametrize(
    ("options", "says"),
    [({"max_events": 0}, "1 to 5000"), ({"max_events": 5001}, "1 to 5000"), ({"wait": -1}, "wait: expected seconds")],
)
def test_arguments_are_checked_at_once(subscriber: Subscriber, options: dict[str, Any], says: str) -> None:
    """Not when the loop begins."""
    with pytest.raises(InvalidArgument, match=says):
        subscriber.events(**options)


def test_break_leaves_the_current_event_and_releases_the_rest_at_once(
    server: ScriptedService, subscriber: Subscriber
) -> None:
    """What was done before is acknowledged in the same request."""
    server.script("get_events", lease(*map(event, (1, 2, 3, 4))))
    for received in subscriber.events():
        if received.data["n"] == 2:
            break
    assert settled(server) == {
        "ack": [{"lease": token(server), "events": [ref(1)]}],
        "release": [{"lease": token(server), "events": [ref(3), ref(4)]}],
    }


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_it_the_same_way(
    server: ScriptedService, subscriber: Subscriber, error: type[BaseException]
) -> None:
    """Whatever it is: nack by name what failed."""
    server.script("get_events", lease(event(1), event(2)))

    def work() -> None:
        for received in subscriber.events():
            received.nack()
            raise error

    with pytest.raises(error):
        work()
    assert settled(server, 1) == {"nack": [{"lease": token(server), "events": [ref(1)]}]}
    assert settled(server, 2) == {"release": [{"lease": token(server), "events": [ref(2)]}]}


def test_what_was_settled_by_name_is_left_alone(server: ScriptedService, subscriber: Subscriber) -> None:
    """Nothing is sent for a lease that is settled wholly."""
    server.script("get_events", lease(event(1), event(2)), Reply(), Reply())
    for received in subscriber.events(wait=0):
        received.ack()
    assert [settled(server, n) for n in (1, 2, 3)] == [
        {"ack": [{"lease": token(server), "events": [ref(n)]}]} for n in (1, 2)
    ] + [{}]


def test_the_implicit_ack_of_the_thread_is_not_mixed_with_the_loops(
    server: ScriptedService, subscriber: Subscriber
) -> None:
    """Neither settles the other's events."""
    _, mine = take(server, subscriber, 1)
    server.script("get_events", lease(event(2)))
    loop = subscriber.events(wait=0)
    assert next(loop).data == {"n": 2}
    assert settled(server) == {}
    subscriber.get_events()
    assert settled(server) == {"ack": [{"lease": mine}]}
    assert list(loop) == []
    assert settled(server) == {"ack": [{"lease": token(server, 1)}]}


def test_from_half_of_the_time_on_acks_travel_alone_and_the_rest_is_extended(
    server: ScriptedService, timed: Subscriber, clock: Moved
) -> None:
    """So slow work on many events loses no lease."""
    server.script("get_events", lease(*map(event, (1, 2, 3)), length_s=200))
    got = []
    for received in timed.events(wait=0):
        got.append(received.data["n"])
        if got == [1]:
            clock.ahead_s += 100
    assert got == [1, 2, 3]
    assert server.calls("get_events")[1] == {
        "subscriber": "billing",
        "max_events": 0,
        "ack": [{"lease": token(server), "events": [ref(1)]}],
        "extend": [{"lease": token(server), "seconds": 200}],
    }
    assert settled(server, 2) == {"ack": [{"lease": token(server), "events": [ref(2), ref(3)]}]}


def test_an_event_whose_lease_has_ended_does_not_come(server: ScriptedService, timed: Subscriber, clock: Moved) -> None:
    """Somebody else may have it; the late ack is tried, and a release, as the service counts by a clock of its own."""
    server.script("get_events", lease(event(1), event(2), length_s=200), lease(event(3), length_s=200))
    got = []
    for received in timed.events(wait=0):
        got.append(received.data["n"])
        if got == [1]:
            clock.ahead_s += 200
    assert got == [1, 3]
    assert settled(server, 1) == {
        "ack": [{"lease": token(server), "events": [ref(1)]}],
        "release": [{"lease": token(server), "events": [ref(2)]}],
    }


def test_what_a_lease_left_is_released_after_a_refused_token(
    server: ScriptedService, timed: Subscriber, clock: Moved, caplog: pytest.LogCaptureFixture
) -> None:
    """The store's clock was set back, so the service holds the lease for longer. That a release came late is no news."""
    refused = problem(400, "invalid_token")
    refused.headers["X-Store-Time"] = str(NOW_US - 3_600_000_000)
    late = Reply({"events": [], "unknown": [{"lease": "1-a", "settlement": "release"}]})
    server.script("get_events", lease(event(1), event(2), event(3), ordered=["orders"], length_s=200))
    server.script("get_events", refused, late)
    for _ in timed.events(wait=0):
        clock.ahead_s += 200
    released = [{"lease": token(server), "events": [ref(3), ref(2)]}]
    assert [settled(server, call)["release"] for call in (1, 2)] == [released, released]
    assert not caplog.records


def test_a_lease_that_the_service_does_not_extend_is_given_up(
    server: ScriptedService, timed: Subscriber, clock: Moved
) -> None:
    """Its events come again, at once if the service holds them still: retention may have taken a few others."""
    server.script("get_events", lease(event(1), event(2), length_s=200))
    got = []
    for received in timed.events(wait=0):
        got.append(received.data["n"])
        unknown = [{"lease": token(server), "settlement": "extend"}]
        server.script("get_events", Reply({"events": [], "unknown": unknown}), lease())
        clock.ahead_s += 100
    assert got == [1]
    assert settled(server, 2) == {"release": [{"lease": token(server), "events": [ref(2)]}]}


def test_a_lease_that_came_after_a_long_wait_is_made_sure_of(
    server: ScriptedService, timed: Subscriber, clock: Moved
) -> None:
    """It began at a time unknown here, after the request and before the answer."""

    def late(body: Any) -> Reply:
        clock.ahead_s += 60
        return lease(event(1), length_s=120)(body)

    server.script("get_events", late)
    assert [e.data["n"] for e in timed.events(wait=0.5)] == [1]
    assert settled(server, 1) == {"extend": [{"lease": token(server), "seconds": 120}]}


def test_it_waits_until_the_subscriber_is_closed(server: ScriptedService, subscriber: Subscriber) -> None:
    """What came after that is given back."""
    asked, closed = threading.Event(), threading.Event()

    def held(body: Any) -> Reply:
        asked.set()
        closed.wait(60)
        return lease(event(1))(body)

    server.script("get_events", held)
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.extend(subscriber.events()))
    thread.start()
    assert asked.wait(60)
    subscriber.close()
    closed.set()
    thread.join(60)
    assert not thread.is_alive()
    assert got == []
    assert server.calls("get_events")[0]["wait_s"] == pytest.approx(20, abs=0.1)
    assert settled(server) == {"release": [{"lease": token(server)}]}


def test_closing_inside_ends_it_with_the_current_event_done(server: ScriptedService, subscriber: Subscriber) -> None:
    """It came to the end of the loop's body."""
    server.script("get_events", lease(event(1), event(2)))
    for _ in subscriber.events():
        subscriber.close()
    assert settled(server) == {
        "ack": [{"lease": token(server), "events": [ref(1)]}],
        "release": [{"lease": token(server), "events": [ref(2)]}],
    }


def test_answers_that_come_at_once_and_empty_are_not_asked_for_in_a_rush(
    server: ScriptedService, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when too much is unsettled elsewhere."""
    monkeypatch.setattr(_stream, "_PAUSE_S", 0.1)
    assert list(subscriber.events(wait=0.35)) == []
    assert len(server.calls("get_events")) <= 5


def test_an_outage_ends_the_loop_with_an_error(server: ScriptedService, timed: Subscriber) -> None:
    """What was done is tried once more, and then comes again."""
    server.script("get_events", lease(event(1), length_s=600))
    loop = timed.events(wait=0)
    next(loop)

    def while_events_are_asked_for(body: Any) -> Reply:
        if not body["max_events"]:
            server.as_usual("get_events")
            return Reply({"events": []})
        return problem(503, "unavailable")

    server.script("get_events", *[while_events_are_asked_for] * 10_000)
    with pytest.raises(Unavailable):
        next(loop)
    assert settled(server)["ack"] == [{"lease": token(server)}]
    assert settled(server)["release"] == [{"lease": token(server, 1)}]


def test_threads_have_loops_of_their_own(server: ScriptedService, subscriber: Subscriber) -> None:
    """Each settles what it got."""
    server.script("get_events", lease(event(1)), lease(), lease(event(2)), lease())
    in_thread(lambda: list(subscriber.events(wait=0)))
    in_thread(lambda: list(subscriber.events(wait=0)))
    assert [settled(server, n) for n in range(4)] == [
        {}, {"ack": [{"lease": token(server)}]}, {}, {"ack": [{"lease": token(server, 2)}]}
    ]  # fmt: skip


LOOP = """
from pubsubclient import Subscriber
subscriber = Subscriber("billing")
"""


@pytest.mark.parametrize(
    "ending",
    ["loop = subscriber.events(); next(loop)", "for event in subscriber.events(): raise SystemExit(1)"],
)
def test_the_end_of_the_program_ends_it_as_break_does(server: ScriptedService, ending: str) -> None:
    """The current event may be half done."""
    server.script("get_events", lease(event(1), event(2)))
    run_program(LOOP + ending, server.url)
    assert settled(server) == {"release": [{"lease": token(server), "events": [ref(2)]}]}


def test_ctrl_c_while_waiting_releases_what_was_asked_for(server: ScriptedService) -> None:
    """At once."""
    server.script("get_events", HANG)
    with start_program(LOOP + "for event in subscriber.events(): pass", server.url) as program:
        while not server.calls("get_events"):
            assert program.poll() is None
            time.sleep(0.01)
        program.send_signal(2)
        program.communicate(timeout=60)
    assert settled(server) == {"release": [{"lease": token(server)}]}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("child", ["assert list(loop) == []", "loop.close()", "import sys; sys.exit()"])
def test_a_forked_child_inherits_nothing_of_it(server: ScriptedService, child: str) -> None:
    """The events are the parent's."""
    program = f"""
import os
loop = subscriber.events(wait=0)
next(loop)
if os.fork() == 0:
    {child}
    os._exit(0)
assert os.wait()[1] == 0
assert len(list(loop)) == 1
"""
    server.script("get_events", lease(event(1), event(2)))
    ran = run_program(LOOP + program, server.url)
    assert ran.returncode == 0, ran.stderr
    assert [s for n in range(len(server.calls("get_events"))) if (s := settled(server, n))] == [
        {"ack": [{"lease": token(server)}]}
    ]


def test_an_iterator_kept_is_closed_by_closing(server: ScriptedService, subscriber: Subscriber) -> None:
    """For interpreters that do not do it at once."""
    server.script("get_events", lease(event(1), event(2)))
    with contextlib.closing(subscriber.events()) as loop:
        next(loop)
    assert settled(server) == {"release": [{"lease": token(server), "events": [ref(2)]}]}
