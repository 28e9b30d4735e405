"""Subscriptions to patterns, on both stores: topics that come later, what beats what, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pubsubservice.core.meter import start_meter
from pubsubservice.core.problems import NotFound
from pubsubservice.log.seek import EARLIEST, LATEST
from pubsubservice.storage.port import Store
from stores.services import Calls, events


@pytest.fixture
def calls(store: Store) -> Iterator[Calls]:
    return Calls(store)


def through(calls: Calls) -> dict[str, str]:
    """The pattern that each followed topic comes through; empty for those subscribed to by name."""
    return {name: s.via for name, s in calls.state().subscriptions.items() if s.positions}


def test_topics_of_before_and_topics_to_come(calls: Calls) -> None:
    """In commit order across all of them, whenever they were met; what does not match is left alone."""
    for topic in ("orders.eu", "orders.us", "bills", "orders.eu.paid", "orders.eu"):
        calls.publish(topic)
    calls.subscribe("orders.*")
    assert calls.drain() == [("orders.eu", 0), ("orders.us", 0), ("orders.eu", 1)]
    calls.publish("orders.fr")
    calls.publish("orders.eu")
    Calls(calls.store).publish("orders.it")
    calls.publish("orders.fr", publisher="Q")
    assert calls.drain() == [("orders.fr", 0), ("orders.eu", 2), ("orders.it", 0), ("orders.fr", 1)]
    assert calls.drain() == []


def test_an_idle_poll_costs_one_read_more(calls: Calls) -> None:
    """The subscriber, the registry's next record, and the next batch of each log; nothing is written."""
    calls.publish("orders")
    calls.subscribe("*")
    calls.drain()
    calls.publish("other.topic")
    calls.drain()
    meter = calls.cost(calls.get)
    assert (meter.reads, meter.writes) == (3, 0)


def test_a_name_beats_a_pattern_and_the_longest_literal_prefix_beats_the_others(calls: Calls) -> None:
    """An event comes once, whatever matches its topic, under the settings of what counts."""
    for topic in ("a.b.c", "a.b.d", "a.x", "z"):
        calls.publish(topic)
    for pattern, deadline_s in ((">", 10), ("a.>", 20), ("a.b.*", 30), ("a.*", 40)):
        calls.subscribe(pattern, ack_deadline_s=deadline_s)
    calls.subscribe("a.b.c", ack_deadline_s=50)
    assert sorted(calls.drain()) == [("a.b.c", 0), ("a.b.d", 0), ("a.x", 0), ("z", 0)]
    assert through(calls) == {"a.b.c": "", "a.b.d": "a.b.*", "a.x": "a.*", "z": ">"}
    state = calls.state()
    settings = {topic: state.settings_of(state.subscriptions[topic]).ack_deadline_s for topic in through(calls)}
    assert settings == {"a.b.c": 50, "a.b.d": 30, "a.x": 40, "z": 10}


def test_patterns_come_and_go_and_topics_keep_their_place(calls: Calls) -> None:
    """A topic that another pattern matches changes to that one; one that none matches is left."""
    for topic in ("a.b", "a.c", "z"):
        calls.publish(topic)
    calls.subscribe("a.*")
    assert len(calls.drain()) == 2
    calls.subscribe("a.b.>", start=LATEST)
    calls.subscribe(">", start=LATEST)
    assert calls.drain() == []
    assert through(calls) == {"a.b": "a.*", "a.c": "a.*", "z": ">"}
    for topic in ("a.b", "z"):
        calls.publish(topic)
    calls.service.subscriptions.unsubscribe("S", "a.*", None)
    assert through(calls) == {"a.b": ">", "a.c": ">", "z": ">"}
    assert calls.drain() == [("a.b", 1), ("z", 1)]
    calls.service.subscriptions.unsubscribe("S", ">", None)
    assert through(calls) == {}
    assert calls.drain() == []


def test_a_name_takes_over_and_falls_back(calls: Calls) -> None:
    """From where the pattern is, and back; what was leased under the name is forgotten by then."""
    calls.publish("orders", 2)
    calls.subscribe("*", max_attempts=2)
    assert len(calls.drain()) == 2
    calls.publish("orders")
    calls.subscribe("orders", max_attempts=3)
    lease = calls.get()
    assert events(lease) == [("orders", 2)]
    calls.service.subscriptions.unsubscribe("S", "orders", None)
    assert through(calls) == {"orders": "*"}
    assert calls.state().leases == {}
    assert calls.drain() == []
    calls.publish("orders")
    assert calls.drain() == [("orders", 3)]


def test_a_name_that_falls_back_before_its_topic_exists_loses_nothing(calls: Calls) -> None:
    """The registry is read again."""
    calls.subscribe("*")
    calls.subscribe("orders")
    calls.publish("bills")
    assert calls.drain() == [("bills", 0)]
    calls.publish("orders")
    calls.service.subscriptions.unsubscribe("S", "orders", None)
    assert calls.drain() == [("orders", 0)]


def test_latest_is_when_one_subscribed_and_topics_made_later_begin_at_their_start(calls: Calls) -> None:
    """However late the first call comes, and whichever process makes it."""
    calls.publish("old", 3)
    calls.publish("other")
    calls.subscribe(">", start=LATEST)
    calls.publish("old")
    calls.publish("new")
    assert Calls(calls.store).drain() == [("old", 3), ("new", 0)]


def test_a_time_is_one_for_all_topics(calls: Calls) -> None:
    """Seeking forgets what is leased of the pattern's topics, and of no other."""
    calls.publish("a")
    calls.publish("b")
    (_, time) = calls.publish("a")[0]
    calls.publish("c")
    calls.subscribe("c")
    calls.subscribe("*")
    assert len(events(calls.get())) == 4
    calls.subscribe("*", seek=time)
    assert [lease.left.bit_count() for lease in calls.state().leases.values()] == [1]
    assert calls.drain() == [("a", 1)]
    calls.subscribe("*", seek=EARLIEST)
    assert calls.drain() == [("a", 0), ("b", 0), ("a", 1)]


def test_settings_of_a_pattern_change_without_reading_the_registry_again(calls: Calls) -> None:
    """Only a new pattern or a seek does that."""
    for topic in ("a", "b"):
        calls.publish(topic)
    calls.subscribe("*")
    calls.drain()
    calls.subscribe("*", ordered=True, start=EARLIEST)
    assert calls.state().registry.seq == 3
    assert calls.drain() == []


def test_dead_letter_topics_are_never_matched(calls: Calls) -> None:
    """Nor is the one that a subscriber's own dead letters would go to, even before there are any."""
    calls.service.topics.register_dead_letter("other.dead")
    calls.publish("other.dead")
    calls.publish("S.dead")
    calls.subscribe(">")
    calls.publish("plain")
    assert calls.drain() == [("plain", 0)]
    assert through(calls) == {"plain": ">"}


def test_a_dead_letter_topic_that_is_left_is_not_followed_on_by_a_pattern(calls: Calls) -> None:
    """As any other topic is that was subscribed to by name."""
    calls.service.topics.register_dead_letter("other.dead")
    calls.subscribe(">")
    for topic in ("other.dead", "plain"):
        calls.subscribe(topic)
        calls.publish(topic)
    calls.drain()
    for topic in ("other.dead", "plain"):
        calls.service.subscriptions.unsubscribe("S", topic, None)
        calls.publish(topic)
    assert calls.drain() == [("plain", 1)]


def test_a_topic_that_somebody_named_for_dead_letters_before_it_was_made_is_followed(calls: Calls) -> None:
    """By every pattern, that of whoever named it too."""
    calls.subscribe("orders", dead_letter_topic="late", max_attempts=1)
    calls.subscribe(">")
    calls.publish("late")
    assert calls.drain() == [("late", 0)]


def test_many_topics_are_met_in_bounded_calls(calls: Calls) -> None:
    """Each says `more`, and none reads more than 256 records and what they ask for."""
    for number in range(300):
        calls.service.topics.register(f"t{number}")
    calls.publish("t299")
    calls.subscribe("*", start=1)
    answer, most = calls.get(), 0
    while not answer.slices:
        assert answer.more
        meter = start_meter()
        answer = calls.get()
        most = max(most, meter.reads)
    assert events(answer) == [("t299", 0)]
    assert most <= 1 + 300 + 2 * 256
    assert len(through(calls)) == 300


def test_what_does_not_fit_is_told_and_the_rest_goes_on(calls: Calls) -> None:
    """A subscriber follows at most 1,000 logs."""
    calls.service.topics.register("a", 600)
    calls.service.topics.register("b", 600)
    calls.publish("a")
    calls.publish("b")
    calls.subscribe("*")
    assert calls.drain() == [("a", 0)]
    answer = calls.get()
    assert (answer.slices, answer.more, answer.blocked) == ([], False, "logs")
    calls.publish("a")
    assert calls.drain() == [("a", 1)]
    calls.service.subscriptions.unsubscribe("S", "*", None)
    calls.subscribe("*", start=LATEST)
    assert calls.drain() == []
    assert set(through(calls)) == {"a"}


def test_the_state_counts_what_has_no_room(calls: Calls) -> None:
    """And says how many topics do not come; all behind the first of them, as the registry is read in order."""
    for topic, partitions in (("a", 600), ("b", 600), ("c", 1)):
        calls.service.topics.register(topic, partitions)
        calls.publish(topic, 2)
    calls.subscribe("*")
    for _ in range(2):  # before the first poll, and after it
        shown = calls.service.show("subscriber", "S")
        assert (shown["unfollowed"], shown["backlog"]) == (2, 6 if not calls.state().subscriptions.get("a") else 4)
        assert [each["topic"] for each in shown["subscriptions"]] == ["*", "a"]
        assert shown["oldest_unsettled_age_s"] >= 0
        calls.drain()
    assert "more_topics" not in shown


def test_the_state_counts_topics_that_were_not_met_yet(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the next call would find them, of a name that did not exist and of a pattern; and it changes nothing."""
    calls.publish("old", 2)
    calls.subscribe("*", start=LATEST)
    calls.subscribe("later")
    calls.drain()
    before = calls.state().fields()
    calls.publish("later", 3)
    calls.publish("new.topic", 5)
    calls.publish("new", 4)
    calls.service.topics.register_dead_letter("letters")
    shown = calls.service.show("subscriber", "S")
    assert {each["topic"]: (each["backlog"], each.get("via")) for each in shown["subscriptions"]} == {
        "*": (4, None), "later": (3, None), "old": (0, "*"), "new": (4, "*"),
    }  # fmt: skip
    assert (shown["backlog"], shown["oldest_unsettled_age_s"] >= 0) == (7, True)
    assert "unfollowed" not in shown
    assert calls.state().fields() == before
    monkeypatch.setattr("pubsubservice.admin.describe._MAX_READS", 1)
    for topic in ("x", "y", "z"):
        calls.publish(topic)
    assert calls.service.show("subscriber", "S")["more_topics"] is True
    assert len(calls.drain()) == 10


def test_one_topic_of_a_pattern_is_sought_through_it(calls: Calls) -> None:
    """With the pattern's settings, whether it was met already or not; the others stay where they are."""
    for topic in ("a.x", "a.x", "a.y", "a.z"):
        calls.publish(topic)
    calls.subscribe("a.*", max_attempts=3)
    assert len(calls.drain()) == 4
    calls.publish("a.later")
    calls.publish("a.later")
    assert calls.subscribe("a.x", seek=(1,), create=False)["via"] == "a.*"
    assert calls.subscribe("a.later", seek=LATEST, create=False)["max_attempts"] == 3
    assert calls.drain() == [("a.x", 1)]
    calls.publish("a.later")
    assert calls.drain() == [("a.later", 2)]
    assert through(calls) == dict.fromkeys(("a.x", "a.y", "a.z", "a.later"), "a.*")


def test_what_is_not_subscribed_to_is_not_sought(calls: Calls) -> None:
    """Neither a topic without a subscription nor one that does not exist, nor dead letters; and nothing is changed."""
    calls.publish("a.x")
    calls.publish("b")
    calls.service.topics.register_dead_letter("a.dead")
    calls.subscribe("a.*")
    calls.drain()
    before = calls.state().fields()
    for topic in ("b", "nowhere", "a.none", "a.dead", "b.*", ">"):
        for settings in ({"seek": LATEST}, {"seek": EARLIEST}, {"ordered": True}):
            with pytest.raises(NotFound, match="is not subscribed to") as refused:
                calls.subscribe(topic, create=False, **settings)
            assert refused.value.code == "unknown_subscription"
    assert calls.state().fields() == before
