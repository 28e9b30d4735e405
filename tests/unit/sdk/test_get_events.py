"""What get_events asks, and what it makes of the answers."""

from __future__ import annotations

import itertools
import pickle
import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pubsubclient import InvalidArgument, NotFound, Service, ServiceError, Subscriber, Unavailable
from unit.sdk.clocks import Moved
from unit.sdk.scripted import BREAK_OFF, NOW_US, Reply, ScriptedService, event, lease, problem

TOKEN = re.compile(r"(\d+)-[0-9a-f]{16}")


def token_us(token: str) -> int:
    found = TOKEN.fullmatch(token)
    assert found, token
    return int(found[1])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s: s.subscribe("orders", start="noon"), "start: expected"),
        (lambda s: s.subscribe("orders", ack_deadline=0), "ack_deadline: expected 1 to 600"),
        (lambda s: s.subscribe("orders", ack_deadline=601), "ack_deadline: expected 1 to 600"),
        (lambda s: s.subscribe("a..b"), "cannot name a topic"),
        (lambda s: s.unsubscribe(""), "cannot name a topic"),
        (lambda s: s.get_events(-1), "max_events: expected 0 to 5000"),
        (lambda s: s.get_events(5001), "max_events: expected 0 to 5000"),
        (lambda s: s.get_events(wait=21), "wait: expected 0 to 20"),
        (lambda s: s.get_events(wait=float("nan")), "wait: expected 0 to 20"),
    ],
)
def test_arguments_out_of_range_are_refused(
    server: ScriptedService, subscriber: Subscriber, call: Callable[[Subscriber], None], says: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidArgument, match=says):
        call(subscriber)
    assert len(server.asked) == 1


def test_nothing_new_is_an_empty_list(server: ScriptedService, subscriber: Subscriber) -> None:
    """In one request, with a token of its own."""
    events = subscriber.get_events()
    assert events == []
    assert (events.more, events.lost) == (False, {})
    [body] = server.calls("get_events")
    assert TOKEN.fullmatch(body.pop("lease"))
    assert body == {"subscriber": "billing", "max_events": 5000}


def test_events_arrive_in_their_order(server: ScriptedService, subscriber: Subscriber) -> None:
    """With what the answer says beside them."""
    server.script("get_events", lease(event(2), event(5, topic="payments"), lost={"orders": 7}, new="ignored"))
    events = subscriber.get_events()
    assert [(e.topic, e.data["n"]) for e in events] == [("orders", 2), ("payments", 5)]
    assert events.lost == {"orders": 7}
    assert not events.more


def test_all_that_is_new_is_got_in_as_many_requests_as_it_takes(
    server: ScriptedService, subscriber: Subscriber
) -> None:
    """Each under a lease of its own."""
    server.script("get_events", lease(event(1), more=True), lease(event(2), more=True), lease(event(3), lost={"a": 1}))
    events = subscriber.get_events()
    assert [e.data["n"] for e in events] == [1, 2, 3]
    assert (events.more, events.lost) == (False, {"a": 1})
    tokens = [body["lease"] for body in server.calls("get_events")]
    assert len(set(tokens)) == 3
    assert [token_us(token) for token in tokens] == sorted({token_us(token) for token in tokens})


def test_what_is_published_meanwhile_is_left_for_the_next_call(server: ScriptedService, subscriber: Subscriber) -> None:
    """Or a fast publisher would never let it return."""
    server.script(
        "get_events",
        lease(event(1), more=True),
        lease(event(2), event(3, recorded_us=NOW_US), more=True),
    )
    events = subscriber.get_events()
    assert [e.data["n"] for e in events] == [1, 2, 3]
    assert events.more
    assert len(server.calls("get_events")) == 2


@pytest.mark.parametrize(
    "last",
    [lease(event(2), more=True, blocked="leases"), lease(more=False, blocked="leases"), lease(more=True)],
)
def test_it_ends_at_the_bound_on_unsettled_events(
    server: ScriptedService, subscriber: Subscriber, last: Callable[[Any], Reply]
) -> None:
    """What it got is to be settled first."""
    server.script("get_events", lease(event(1), more=True), last)
    assert subscriber.get_events()[0].data == {"n": 1}
    assert len(server.calls("get_events")) == 2


def test_it_does_not_ask_on_when_others_hold_everything(server: ScriptedService, subscriber: Subscriber) -> None:
    """Asking again would not change it."""
    server.script("get_events", lease(more=True, blocked="leases"))
    assert subscriber.get_events() == []
    assert len(server.calls("get_events")) == 1


def test_at_most_max_events_are_got(server: ScriptedService, subscriber: Subscriber) -> None:
    """In one request, though there is more."""
    server.script("get_events", lease(event(1), more=True))
    events = subscriber.get_events(max_events=3)
    assert len(events) == 1
    assert events.more
    [body] = server.calls("get_events")
    assert body["max_events"] == 3


@pytest.mark.parametrize("max_events", [None, 3])
def test_it_is_never_empty_while_there_is_more(
    server: ScriptedService, subscriber: Subscriber, max_events: int | None
) -> None:
    """A service that had to skip much says so."""
    server.script("get_events", lease(more=True), lease(more=True), lease(event(1)))
    assert len(subscriber.get_events(max_events)) == 1
    assert len(server.calls("get_events")) == 3


def test_a_token_that_is_over_is_replaced(server: ScriptedService, subscriber: Subscriber) -> None:
    """It was too old; the answer told the time."""
    over = Reply({"events": [], "over": True, "more": False}, headers={"X-Store-Time": str(NOW_US + 5_000_000)})
    server.script("get_events", over, lease(event(1)))
    assert len(subscriber.get_events()) == 1
    first, second = (token_us(body["lease"]) for body in server.calls("get_events"))
    assert first < NOW_US + 1_000_000
    assert second >= NOW_US + 5_000_000


def test_tokens_that_are_always_over_are_an_error(server: ScriptedService, subscriber: Subscriber) -> None:
    """Rather than a request for ever."""
    server.script("get_events", *[Reply({"events": [], "over": True})] * 100)
    with pytest.raises(ServiceError, match="over one after another") as raised:
        subscriber.get_events()
    assert raised.value.code == "bad_answer"
    assert len(server.calls("get_events")) == 11


def test_without_the_stores_time_no_lease_is_asked_for(server: ScriptedService, service: Service) -> None:
    """A proxy that strips headers would make events come twice."""
    server.store_time_us = None
    subscriber = Subscriber("billing", service=service)
    with pytest.raises(ServiceError, match="X-Store-Time"):
        subscriber.get_events()


def test_a_try_without_an_answer_is_repeated_to_the_letter(server: ScriptedService, subscriber: Subscriber) -> None:
    """The same lease: the service hands the events out once."""
    server.script("get_events", BREAK_OFF, problem(503, "unavailable"), lease(event(1)))
    assert len(subscriber.get_events()) == 1
    bodies = [asked.raw for asked in server.asked if asked.function == "get_events"]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1


def test_it_waits_as_long_as_it_is_told(server: ScriptedService) -> None:
    """The service does; the timeouts grow by it."""
    subscriber = Subscriber("billing", service=Service(server.url, read_timeout_s=0.3))

    def after_a_while(body: Any) -> Reply:
        time.sleep(0.5)  # longer than a try may take without a wait
        return lease(event(1))(body)

    server.script("get_events", after_a_while)
    assert len(subscriber.get_events(wait=20)) == 1
    [body] = server.calls("get_events")
    assert 10 < body["wait_s"] <= 20


def test_only_the_first_events_are_waited_for(server: ScriptedService, subscriber: Subscriber) -> None:
    """What is there is not held back for what may come."""
    server.script("get_events", lease(more=True), lease(event(1), more=True), lease())
    subscriber.get_events(wait=2)
    assert ["wait_s" in body for body in server.calls("get_events")] == [True, True, False]


def test_a_crowded_service_is_asked_again_when_it_says(server: ScriptedService, subscriber: Subscriber) -> None:
    """Within what was to be waited."""
    crowded = Reply({"events": [], "more": False}, headers={"Retry-After": "0"})
    server.script("get_events", crowded, crowded, lease(event(1)))
    assert len(subscriber.get_events(wait=2)) == 1
    server.script("get_events", Reply({"events": [], "more": False}, headers={"Retry-After": "60"}))
    started = time.monotonic()
    assert subscriber.get_events(wait=0.2) == []
    assert 0.2 <= time.monotonic() - started < 10


def test_answers_that_come_late_are_no_fault_of_the_service(
    server: ScriptedService, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That there is more, said twice with an outage before each, while other consumers got it: the third answer has it."""
    ticks = itertools.count(0.0, 40.0)
    monkeypatch.setattr(subscriber._transport.service, "clock", SimpleNamespace(monotonic=lambda: next(ticks)))
    server.script("get_events", lease(more=True), lease(more=True), lease(event(1)))
    assert [each.id for each in subscriber.get_events()] == ["id-1"]


def test_a_token_ahead_that_is_to_be_released_stops_nothing(
    server: ScriptedService, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fetch was broken off, and its token made, before the client knew that the store's clock had been set back."""
    monkeypatch.setattr(
        "pubsubclient._subscribe.outcome_sender._WAIT_S", 10.0
    )  # the release travels with the next request
    refused = problem(400, "invalid_token")
    refused.headers["X-Store-Time"] = str(NOW_US - 3_600_000_000)
    server.script("get_events", refused, lease(event(1)))
    subscriber._outcomes.release_unknown([f"{NOW_US + 5_000_000}-0123456789abcdef"])
    assert [each.id for each in subscriber.get_events()] == ["id-1"]
    first, second = server.calls("get_events")
    assert first["release"]
    assert "release" not in second


def test_leases_are_kept_alive_while_more_is_got(server: ScriptedService, timed: Subscriber, clock: Moved) -> None:
    """From half of their time on."""

    def slow(body: Any) -> Reply:
        clock.ahead_s += 60
        return lease(event(2), more=True, length_s=120)(body)

    server.script("get_events", lease(event(1), more=True, length_s=120), slow, lease(event(3)))
    timed.get_events()
    first, second, third = server.calls("get_events")
    assert "extend" not in second
    assert [extend["lease"] for extend in third["extend"]] == [first["lease"], second["lease"]]
    assert all(extend["seconds"] >= 1 for extend in third["extend"])


def test_what_is_got_before_a_failure_is_returned(server: ScriptedService, service: Service) -> None:
    """The failure comes with the next call, if it lasts; what the broken-off request may have leased is released."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    server.script("get_events", lease(event(1), more=True), *[BREAK_OFF] * 100)
    events = subscriber.get_events()
    assert len(events) == 1
    assert events.more
    broken_off = server.calls("get_events")[-1]["lease"]
    server.as_usual("get_events")
    subscriber.get_events()
    last = server.calls("get_events")[-1]
    assert last["release"] == [{"lease": broken_off}]
    assert last["ack"] == [{"lease": server.calls("get_events")[0]["lease"]}]


def test_a_fetch_without_an_answer_is_released_by_the_next_call(server: ScriptedService) -> None:
    """Once: its events come again without a failed attempt."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    server.script("get_events", *[BREAK_OFF] * 100)
    with pytest.raises(Unavailable):
        subscriber.get_events()
    broken_off = server.calls("get_events")[-1]["lease"]
    server.as_usual("get_events")
    subscriber.get_events()
    subscriber.get_events()
    released, after = server.calls("get_events")[-2:]
    assert released["release"] == [{"lease": broken_off}]
    assert released["lease"] != broken_off
    assert "release" not in after


def test_a_fetch_that_was_refused_leaves_nothing_to_release(server: ScriptedService, subscriber: Subscriber) -> None:
    """It leased nothing."""
    server.script("get_events", problem(404, "unknown_subscriber"))
    with pytest.raises(NotFound):
        subscriber.get_events()
    subscriber.get_events()
    assert "release" not in server.calls("get_events")[-1]


@pytest.mark.parametrize(
    "broken",
    [{"events": [{}]}, {"events": [event(1)]}, {"events": 7}, {"events": [event(1)], "lease": "x", "until": 7}],
)
def test_an_answer_that_makes_no_sense_is_an_error(
    server: ScriptedService, subscriber: Subscriber, broken: dict[str, Any]
) -> None:
    """And what it may have leased is released."""
    server.script("get_events", Reply(broken))
    with pytest.raises(ServiceError) as raised:
        subscriber.get_events()
    assert raised.value.code == "bad_answer"
    subscriber.get_events()
    first, second = server.calls("get_events")
    assert second["release"] == [{"lease": first["lease"]}]


def test_ten_thousand_events_are_got_in_order(server: ScriptedService, subscriber: Subscriber) -> None:
    """By the thousand."""
    numbers = itertools.count()
    for n in range(10):
        batch = [event(next(numbers)) for _ in range(1000)]
        server.script("get_events", lease(*batch, more=n < 9))
    assert [e.data["n"] for e in subscriber.get_events()] == list(range(10_000))


def test_why_events_are_held_back_is_shown(server: ScriptedService, subscriber: Subscriber) -> None:
    """By the last answer; a copy and a pickle have it too, and one of an older version has none."""
    server.script("get_events", lease(event(1), blocked="logs"), lease(event(2), blocked="ordered"), lease())
    first, second, third = (subscriber.get_events() for _ in range(3))
    assert (first.blocked, second.blocked, third.blocked) == ("logs", "ordered", None)
    assert pickle.loads(pickle.dumps(first)).blocked == "logs"
    old = pickle.loads(pickle.dumps(second))
    del old.__dict__["blocked"]
    assert old.blocked is None


def test_that_topics_do_not_come_is_said_once(
    server: ScriptedService, subscriber: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, whichever call meets it."""
    server.script("get_events", *[lease(blocked="logs")] * 4)
    subscriber.get_events()
    with subscriber.pull():
        pass
    assert list(subscriber.events(wait=0)) == []
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith(
        "Subscriber billing: its patterns stand for more topics than it may follow: 1,000"
    )


NONE = Reply({"subscriber": "billing", "subscriptions": []})
ONE = Reply({"subscriber": "billing", "subscriptions": [{"topic": "orders", "position": []}]})


def test_a_subscriber_without_a_subscription_is_warned_of_once(
    server: ScriptedService, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """By the call that would get nothing, before it waits; a call that only settles asks nothing."""
    server.script("register", NONE, NONE)
    subscriber = Subscriber("billing", service=service)
    subscriber.get_events(0)
    assert len(server.calls("register")) == 1
    list(subscriber.events(wait=0))
    subscriber.get_events()
    with subscriber.pull():
        pass
    assert len(server.calls("register")) == 2
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "Subscriber billing: it has no subscription, so it gets no events: subscribe() to a topic"
    )


@pytest.mark.parametrize("registered", [ONE, Reply({})])
def test_who_has_a_subscription_is_not_asked_again(
    server: ScriptedService, service: Service, caplog: pytest.LogCaptureFixture, registered: Reply
) -> None:
    """By itself, or by another process since."""
    server.script("register", registered)
    Subscriber("billing", service=service).get_events()
    server.script("register", NONE)
    subscriber = Subscriber("billing", service=service)
    subscriber.subscribe("orders")
    subscriber.get_events()
    assert len(server.calls("register")) == 2
    server.script("register", NONE, ONE)
    subscriber = Subscriber("billing", service=service)
    for _ in range(2):
        subscriber.get_events()
    assert len(server.calls("register")) == 4
    assert not caplog.records


def test_a_token_made_while_the_stores_clock_stood_is_dropped(server: ScriptedService, subscriber: Subscriber) -> None:
    """The estimate ran ahead by less than is taken for a clock that was set back; the refusal tells the time."""
    clock = subscriber._transport.clock
    ahead = f"{NOW_US + 2_500_000}-0123456789abcdef"
    clock._observed = (NOW_US + 1_500_000, time.monotonic())
    subscriber._outcomes.release_unknown([ahead])
    server.script("get_events", problem(400, "invalid_token"), lease(event(1)))
    assert [each.id for each in subscriber.get_events()] == ["id-1"]
    assert not any(each["lease"] == ahead for each in server.calls("get_events")[-1].get("release", ()))
