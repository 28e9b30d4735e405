"""What settles events: by name, and by coming back for more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pubsubclient import Events, InvalidArgument, Service, Subscriber, Unavailable
from pubsubclient._subscribe.settlements import split
from unit.sdk.clocks import Moved
from unit.sdk.hands import in_thread, ref, settled, take
from unit.sdk.scripted import BREAK_OFF, Reply, ScriptedService, event, lease


def test_the_next_call_acknowledges_the_last_one_in_the_same_request(
    server: ScriptedService, subscriber: Subscriber
) -> None:
    """As a whole, once."""
    _, token = take(server, subscriber, 1, 2)
    assert settled(server) == {}
    subscriber.get_events()
    assert settled(server) == {"ack": [{"lease": token}]}
    subscriber.get_events()
    assert settled(server) == {}
    assert len(server.calls("get_events")) == 3


def test_all_leases_of_one_call_are_acknowledged_together(server: ScriptedService, subscriber: Subscriber) -> None:
    """However many requests it took."""
    server.script("get_events", lease(event(1), more=True), lease(event(2)))
    subscriber.get_events()
    subscriber.get_events(max_events=0)
    first, second, last = server.calls("get_events")
    assert last == {
        "subscriber": "billing",
        "max_events": 0,
        "ack": [{"lease": first["lease"]}, {"lease": second["lease"]}],
    }


def test_an_event_is_settled_by_name_at_once(server: ScriptedService, subscriber: Subscriber) -> None:
    """So that a crash afterwards loses nothing; the implicit ack leaves it alone."""
    events, token = take(server, subscriber, 1, 2, 3, 4)
    assert events[0].ack()
    assert server.calls("get_events")[-1] == {
        "subscriber": "billing",
        "max_events": 0,
        "ack": [{"lease": token, "events": [ref(1)]}],
    }
    assert events[1].nack()
    assert settled(server) == {"nack": [{"lease": token, "events": [ref(2)]}]}
    assert events[2].nack(delay=1.5)
    assert settled(server) == {"nack": [{"lease": token, "events": [ref(3)], "delay_s": 1.5}]}
    subscriber.get_events()
    assert settled(server) == {"ack": [{"lease": token, "events": [ref(4)]}]}


def test_an_event_is_released_for_some_time(server: ScriptedService, subscriber: Subscriber) -> None:
    """One event or all of a call; without a delay nothing is said of one."""
    events, token = take(server, subscriber, 1, 2, 3)
    assert events[0].release(delay=timedelta(minutes=1))
    assert settled(server) == {"release": [{"lease": token, "events": [ref(1)], "delay_s": 60.0}]}
    assert events[1].release(0)
    assert settled(server) == {"release": [{"lease": token, "events": [ref(2)]}]}
    assert events.release(delay=2)
    assert settled(server) == {"release": [{"lease": token, "events": [ref(3)], "delay_s": 2}]}


@pytest.mark.parametrize("delay", [-1, 86_401, "1", None, True])
def test_a_wrong_delay_releases_nothing(server: ScriptedService, subscriber: Subscriber, delay: Any) -> None:
    """It fails where it is written."""
    events, token = take(server, subscriber, 1)
    for release in (events.release, events[0].release):
        with pytest.raises(InvalidArgument):
            release(delay)
    subscriber.get_events()
    assert settled(server) == {"ack": [{"lease": token}]}


def test_when_everything_is_settled_by_name_nothing_is_left(server: ScriptedService, subscriber: Subscriber) -> None:
    """The next call settles nothing."""
    events, _ = take(server, subscriber, 1, 2)
    for received in events:
        received.ack()
    subscriber.get_events()
    assert settled(server) == {}


def test_an_event_is_settled_once(server: ScriptedService, subscriber: Subscriber) -> None:
    """What is said later changes nothing, and is not sent."""
    events, _ = take(server, subscriber, 1)
    assert events[0].nack(delay=0)
    calls = len(server.calls("get_events"))
    assert not events[0].ack()
    assert not events[0].nack()
    assert not events[0].extend(60)
    assert len(server.calls("get_events")) == calls


def test_a_settlement_that_did_not_count_says_so(server: ScriptedService, subscriber: Subscriber) -> None:
    """Its lease had ended: the event may come again."""
    events, token = take(server, subscriber, 1, 2)
    for verb in ("ack", "extend"):
        server.script("get_events", Reply({"events": [], "unknown": [{"lease": token, "settlement": verb}]}))
    assert not events[0].ack()
    assert not events[1].extend(60)


def test_an_implicit_ack_that_did_not_count_is_logged(
    server: ScriptedService, subscriber: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no error: the events come again."""
    _, token = take(server, subscriber, 1)
    unknown = [{"lease": token, "settlement": "ack"}]
    server.script("get_events", Reply({"events": [], "more": False, "unknown": unknown}))
    assert subscriber.get_events() == []
    assert f"Subscriber billing: settled late, may come again: [{{'lease': '{token}'" in caplog.text


def test_a_lease_is_extended_for_one_of_its_events(server: ScriptedService, subscriber: Subscriber) -> None:
    """It stays in hand."""
    events, token = take(server, subscriber, 1, 2)
    assert events[0].extend(120)
    assert settled(server) == {"extend": [{"lease": token, "events": [ref(1)], "seconds": 120}]}
    subscriber.get_events()
    assert settled(server) == {"ack": [{"lease": token}]}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda e: e.nack(delay=-1), "delay: expected 0 to 86400"),
        (lambda e: e.nack(delay=86_401), "delay: expected 0 to 86400"),
        (lambda e: e.extend(0), "seconds: expected 1 to 600"),
        (lambda e: e.extend(601), "seconds: expected 1 to 600"),
    ],
)
def test_times_out_of_range_are_refused(
    server: ScriptedService, subscriber: Subscriber, call: Callable[[Any], None], says: str
) -> None:
    """Before anything is sent; the event stays in hand."""
    events, token = take(server, subscriber, 1)
    with pytest.raises(InvalidArgument, match=says):
        call(events[0])
    subscriber.get_events()
    assert settled(server) == {"ack": [{"lease": token}]}


def test_a_settlement_by_name_that_failed_is_not_turned_into_an_ack(server: ScriptedService) -> None:
    """It may be tried again, or the event comes again."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    events, token = take(server, subscriber, 1, 2)
    server.script("get_events", *[BREAK_OFF] * 100)
    with pytest.raises(Unavailable):
        events[0].nack()
    server.as_usual("get_events")
    subscriber.get_events()
    assert settled(server) == {"ack": [{"lease": token, "events": [ref(2)]}]}
    assert events[0].nack()
    assert settled(server) == {"nack": [{"lease": token, "events": [ref(1)]}]}


def test_an_ack_that_found_no_answer_travels_again(server: ScriptedService) -> None:
    """Twice is harmless, never is not."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    _, token = take(server, subscriber, 1)
    server.script("get_events", *[BREAK_OFF] * 100)
    with pytest.raises(Unavailable):
        subscriber.get_events()
    server.as_usual("get_events")
    subscriber.get_events()
    assert settled(server)["ack"] == [{"lease": token}]


def test_a_call_settles_only_what_its_own_thread_got(server: ScriptedService, subscriber: Subscriber) -> None:
    """The others are still working."""
    _, mine = take(server, subscriber, 1)
    tokens = []
    in_thread(lambda: tokens.append(take(server, subscriber, 2)[1]))
    assert settled(server) == {}
    in_thread(subscriber.get_events)
    assert settled(server) == {}
    subscriber.get_events()
    assert settled(server) == {"ack": [{"lease": mine}]}


def test_another_thread_may_settle_by_name(server: ScriptedService, subscriber: Subscriber) -> None:
    """Events may be handed on."""
    events, token = take(server, subscriber, 1, 2)
    in_thread(events[0].ack)
    subscriber.get_events()
    assert settled(server) == {"ack": [{"lease": token, "events": [ref(2)]}]}


def test_what_a_thread_that_ended_held_is_not_anothers(server: ScriptedService, subscriber: Subscriber) -> None:
    """Though it may have its number."""
    tokens = []
    in_thread(lambda: tokens.append(take(server, subscriber, 1)[1]))
    for _ in range(5):
        in_thread(subscriber.get_events)
        assert settled(server) == {}
    subscriber.close()
    assert settled(server) == {"release": [{"lease": tokens[0]}]}


def test_what_a_thread_that_ended_held_is_given_back_as_long_as_the_service_has_it(
    server: ScriptedService, timed: Subscriber, clock: Moved
) -> None:
    """The answer came 20 s late: for as long, the lease may last longer than this process may rely on it."""
    hand_out = lease(event(1), length_s=30)

    def late(body: Any) -> Reply:
        clock.ahead_s += 20
        return hand_out(body)

    server.script("get_events", late)
    in_thread(timed.get_events)
    token = server.calls("get_events")[-1]["lease"]
    clock.ahead_s += 15
    in_thread(timed.get_events)
    timed.close()
    assert settled(server) == {"release": [{"lease": token}]}


def test_leases_that_ended_with_their_threads_are_forgotten(server: ScriptedService, subscriber: Subscriber) -> None:
    """A program of short threads does not grow."""

    def work() -> None:
        server.script("get_events", lease(event(1), length_s=0))
        subscriber.get_events()

    for _ in range(10):
        in_thread(work)
    subscriber.get_events()
    assert len(subscriber._held_leases._hands) == 0


def test_more_settlements_than_a_request_has_go_in_several(server: ScriptedService, subscriber: Subscriber) -> None:
    """By whatever they are settled; each lease in one of them, and the last with the fetch that it travels with."""

    def hand_out() -> list[str]:
        before = len(server.calls("get_events"))
        parts = [[*map(event, range(low, low + 5_000))] for low in (0, 5_000, 10_000)]
        server.script("get_events", *[lease(*part, more=n < 2) for n, part in enumerate(parts)])
        events = subscriber.get_events()
        assert len(events) == 15_000
        for n in (0, 5_000, 10_000):
            events[n].ack()
        held.append(events)
        return [body["lease"] for body in server.calls("get_events")[before:] if "lease" in body]

    held: list[Events] = []
    tokens = hand_out()
    before = len(server.calls("get_events"))
    subscriber.get_events()
    first, second = server.calls("get_events")[before:]
    assert [[each["lease"] for each in body["ack"]] for body in (first, second)] == [tokens[:2], tokens[2:]]
    assert [[len(each["events"]) for each in body["ack"]] for body in (first, second)] == [[4_999, 4_999], [4_999]]
    assert (first["max_events"], second["max_events"]) == (0, 5_000)
    tokens = hand_out()
    before = len(server.calls("get_events"))
    server.script("get_events", Reply({"unknown": [{"lease": tokens[0], "settlement": "nack"}]}))
    assert not held[-1].nack(reason="r")
    assert [[each["lease"] for each in body["nack"]] for body in server.calls("get_events")[before:]] == [
        tokens[:2], tokens[2:],
    ]  # fmt: skip
    assert {each["reason"] for body in server.calls("get_events")[before:] for each in body["nack"]} == {"r"}


def test_settlements_are_split_in_the_order_in_which_they_count() -> None:
    """None is left out, none comes twice; what fits goes as it is."""
    small = {"extend": [{"lease": "1-a"}], "ack": [{"lease": "1-b", "events": [("t", "s")]}]}
    assert split(small) == [small]
    assert split({}) == [{}]
    many = {verb: [{"lease": f"{n}-{verb}"} for n in range(7_000)] for verb in ("release", "nack", "ack")}
    parts = split(many)
    assert [sum(map(len, part.values())) for part in parts] == [10_000, 10_000, 1_000]
    assert [[*part] for part in parts] == [["ack", "nack"], ["nack", "release"], ["release"]]
    assert {verb: [one for part in parts for one in part.get(verb, ())] for verb in many} == many


def test_the_end_of_the_program_settles_all_that_is_pending(
    server: ScriptedService, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what one request has no room for."""
    monkeypatch.setattr("pubsubclient._subscribe.outcome_sender.MAX_SETTLEMENTS", 1)
    monkeypatch.setattr("pubsubclient._subscribe.outcome_sender._WAIT_S", 60.0)
    outcomes, tokens = subscriber._outcomes, []
    taken = []
    for number in (1, 2, 3):
        server.script("get_events", lease(event(number)))
        pull = subscriber.pull()
        taken.append(pull.__enter__())
        tokens.append(server.calls("get_events")[-1]["lease"])
    for events in taken:
        outcomes.ack(events[0])
    before = len(server.calls("get_events"))
    outcomes.settle("ack")
    assert [ack["lease"] for body in server.calls("get_events")[before:] for ack in body["ack"]] == tokens
