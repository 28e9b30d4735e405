"""What a Subscriber asks of its subscriptions: patterns, filters, places; and what it settles together."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any as AnyValue

import pytest

from pubsubclient import Any, Event, InvalidArgument, NotFound, Publisher, ServiceError, Subscriber, dispatcher
from pubsubclient._core.filters import accepted, check_filters
from pubsubclient._core.names import stands_for
from unit.sdk.hands import ref, settled, take
from unit.sdk.scripted import Reply, ScriptedService, event, lease, problem


def test_any_is_the_dispatchers(server: ScriptedService, subscriber: Subscriber) -> None:
    """On the wire it is the pattern of everything."""
    assert Any is dispatcher.Any
    subscriber.subscribe(Any)
    assert server.calls("subscribe")[-1]["topic"] == ">"


def test_every_setting_has_its_name_on_the_wire(server: ScriptedService, subscriber: Subscriber) -> None:
    """A time is sent in UTC."""
    filters = [{"exact": {"type": "a"}}]
    start = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
    subscriber.subscribe(
        "orders.*", start=start, filters=filters, max_attempts=3, backoff=0.5, dead_letter_topic="dead", ordered=False
    )
    body = server.calls("subscribe")[-1]
    body.pop("token")
    assert body == {
        "subscriber": "billing", "topic": "orders.*", "start": "2026-01-31T12:00:00Z", "filters": filters,
        "max_attempts": 3, "backoff_s": 0.5, "dead_letter_topic": "dead", "ordered": False,
    }  # fmt: skip


def test_it_seeks_to_a_saved_position(server: ScriptedService, subscriber: Subscriber) -> None:
    """Of the topic's own in what was saved of all; a pattern has none."""
    saved = {"orders": ["0000-00000000000000000017"]}
    subscriptions = [{"topic": "orders", "position": saved["orders"]}, {"topic": "o.*", "position": []}]
    server.script("register", Reply({"subscriber": "billing", "subscriptions": subscriptions}))
    assert subscriber.position() == saved
    subscriber.seek("orders", saved)
    assert server.calls("subscribe")[-1]["seek"] == saved["orders"]


def test_a_seek_makes_no_subscription(server: ScriptedService, subscriber: Subscriber) -> None:
    """It says so; a service that does not know how to is asked as before."""
    subscriber.seek("orders", "earliest")
    assert server.calls("subscribe")[-1]["create"] is False
    server.script("subscribe", problem(400, "unknown_field"), Reply({}))
    subscriber.seek("orders", "latest")
    first, second = server.calls("subscribe")[-2:]
    assert (first["create"], first["seek"], second["seek"]) == (False, "latest", "latest")
    assert "create" not in second
    server.script("subscribe", problem(404, "unknown_subscription"))
    with pytest.raises(NotFound):
        subscriber.seek("oders", "earliest")
    server.script("subscribe", problem(400, "unknown_field"))
    with pytest.raises(ServiceError, match="unknown_field"):
        subscriber.subscribe("orders")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s: s.subscribe("a*"), "is no pattern of topics"),
        (lambda s: s.subscribe(">.a"), "is no pattern of topics"),
        (lambda s: s.subscribe("a", start="noon"), "start: expected"),
        (lambda s: s.subscribe("a", max_attempts=101), "max_attempts: expected 1 to 100"),
        (lambda s: s.subscribe("a", backoff=601), "backoff: expected 0 to 600"),
        (lambda s: s.subscribe("a", filters=[{"like": {}}]), r"filters\[0\].like: expected one of exact"),
        (lambda s: s.subscribe("a", filters={"exact": {}}), "filters: expected a list"),
        (lambda s: s.subscribe("a", filters=[{"any": [{"exact": {"n": 1}}]}]), r"filters\[0\].any\[0\].exact.n: "),
        (lambda s: s.subscribe("a", filters=[{"not": {"exact": {"data": "1"}}}]), r"filters\[0\].not.exact.data: "),
        (lambda s: s.seek("a", {"b": []}), "no topic 'a'"),
        (lambda s: s.seek("a", ["17"]), "to: expected a list of sequences"),
        (lambda s: s.explain("id"), "expected the topic"),
        (lambda s: s.redrive("a", filters=[{}]), r"filters\[0\]: expected a dict"),
    ],
)
def test_what_no_service_would_take_is_refused(
    subscriber: Subscriber, call: Callable[[AnyValue], None], says: str
) -> None:
    """Where it is written."""
    with pytest.raises(InvalidArgument, match=says):
        call(subscriber)


def test_filters_and_patterns_mean_here_what_they_mean_to_the_service() -> None:
    """A redrive judges by them."""
    filters = check_filters(
        [{"not": {"exact": {"type": "a"}}}, {"any": [{"suffix": {"n": "0"}}, {"all": [{"prefix": {"ok": "tr"}}]}]}]
    )
    assert [accepted(filters, m) for m in ({"n": 10}, {"ok": True}, {"n": 1}, {"n": 10, "type": "a"})] == [
        True, True, False, False,
    ]  # fmt: skip
    assert [stands_for(p, "a.b") for p in ("a.b", "a.*", ">", "a.>", "*", "a.b.>")] == [True] * 4 + [False] * 2


def test_all_that_a_call_got_is_settled_in_one_request(server: ScriptedService, subscriber: Subscriber) -> None:
    """Less what was settled by name; whatever came under two leases."""
    server.script("get_events", lease(event(1), event(2), more=True), lease(event(3)))
    events = subscriber.get_events()
    first, second = (body["lease"] for body in server.calls("get_events"))
    events[0].ack()
    assert events.extend_lease(60)
    extensions = [{"lease": token, "seconds": 60} for token in (first, second)]
    assert settled(server) == {"extend": extensions}
    assert events.nack(delay=5, reason="r", dead=True)
    options = {"delay_s": 5, "reason": "r", "dead": True}
    assert settled(server) == {"nack": [{"lease": first, "events": [ref(2)], **options}, {"lease": second, **options}]}
    assert not events[1].ack()
    subscriber.get_events()
    assert settled(server) == {}


def test_a_copy_cannot_be_settled(server: ScriptedService, subscriber: Subscriber) -> None:
    """The events that were received can."""
    events, token = take(server, subscriber, 1)
    with pytest.raises(InvalidArgument, match="Copied"):
        copy.copy(events).ack()
    assert events.release()
    assert settled(server) == {"release": [{"lease": token}]}


def test_a_delay_travels_with_the_request(server: ScriptedService, publisher: Publisher) -> None:
    """And is left out when there is none."""
    publisher.publish("orders", 1, delay=1.5)
    publisher.publish("orders", 1)
    assert [body.get("delay_s") for body in server.calls("publish")] == [1.5, None]
    with pytest.raises(InvalidArgument, match="delay: expected 0 to 86400"):
        publisher.publish("orders", 1, delay=-1)


def test_an_event_is_explained_by_its_id_and_source(server: ScriptedService, subscriber: Subscriber) -> None:
    """Which may look like a sequence, and be of any length; an older service is asked as it understands."""
    body = {"subscriber": "billing", "topic": "orders", "event": {"id": "x"}, "state": "settled"}
    server.script("register", Reply(body))
    like_a_sequence = Event("orders", 1, id="0000-00000000000000000000")
    subscriber.explain(like_a_sequence)
    asked = {"subscriber": "billing", "topic": "orders"}
    assert server.asked[-1].body == {**asked, "id": "0000-00000000000000000000"}
    Publisher("shop", service=subscriber._transport.service).publish(like_a_sequence)
    server.script("register", Reply(body), Reply(body), problem(400, "unknown_field"), Reply(body))
    subscriber.explain(like_a_sequence)
    assert server.asked[-1].body == {**asked, "id": "0000-00000000000000000000", "source": "/publishers/shop"}
    subscriber.explain("é" * 1_000, "orders")
    assert server.asked[-1].body == {**asked, "id": "é" * 1_000}
    subscriber.explain(Event("orders", 1, id="17"))
    assert (server.asked[-1].method, server.asked[-1].query) == ("GET", "subscriber=billing&topic=orders&event=17")
    server.script("register", problem(400, "unknown_field"))
    with pytest.raises(ServiceError, match="unknown_field"):
        subscriber.explain(like_a_sequence)


def test_an_explanation_is_a_record_and_a_sentence(server: ScriptedService, subscriber: Subscriber) -> None:
    """Fields that are not known here are kept in `raw`."""
    body = {"subscriber": "billing", "topic": "o", "event": {"id": "x"}, "state": "filtered", "clause": "c", "new": 1}
    server.script("register", Reply(body))
    found = subscriber.explain("x", "o")
    assert server.asked[-1].query == "subscriber=billing&topic=o&event=x"
    assert (server.asked[-1].method, found.state, found.clause, found.id) == ("GET", "filtered", "c", "x")
    assert str(found) == "o x is filtered out by c (subscriber billing)"
    assert found.raw == body
    server.script("register", Reply({"state": 1}))
    with pytest.raises(ServiceError, match="explains no event"):
        subscriber.explain("x", "o")


def test_a_state_shows_each_subscriptions_settings(server: ScriptedService, subscriber: Subscriber) -> None:
    """Those that count: of a topic that a pattern brought in, the pattern's."""
    said = {"topic": "o.eu", "position": ["0000-00000000000000000017"], "backlog": 2, "lost": 1, "via": "o.*"}
    settings = {"ack_deadline_s": 60, "max_attempts": 3, "backoff_s": 0.5, "dead_letter_topic": "d", "ordered": True}
    filters = [{"exact": {"type": "a"}}]
    body = {"subscriber": "billing", "subscriptions": [{**said, **settings, "filters": filters}], "backlog": 12}
    server.script("register", Reply({**body, "unfollowed": 3}))
    state = subscriber.state()
    [found] = state.subscriptions
    assert (found.ack_deadline, found.max_attempts, found.backoff) == (60, 3, 0.5)
    assert (found.dead_letter_topic, found.ordered, list(found.filters), found.via) == ("d", True, filters, "o.*")
    assert (state.backlog, state.unfollowed) == (12, 3)
    for shown in ("ack_deadline=60", "max_attempts=3", "backoff=0.5", "ordered=True", "'exact': {'type': 'a'}"):
        assert shown in repr(state)
