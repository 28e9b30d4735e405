"""What becomes of events that failed for the last time, on both stores: published, kept back, or dropped and counted."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from pubsubservice.core.ownership import Caller, set_caller
from pubsubservice.core.problems import Conflict, Forbidden
from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.core.settings import Bounds, Settings
from pubsubservice.delivery.request import GetEvents
from pubsubservice.service import Service
from pubsubservice.storage.paths import subscriber_path, topic_path
from pubsubservice.storage.port import Doc, Store
from pubsubservice.subscribers.leases import Settlement, Settlements
from pubsubservice.subscribers.state import MAX_DROPPED, State
from stores.services import Calls, events


@pytest.fixture
def calls(store: Store) -> Calls:
    return Calls(store)


def condemn(calls: Calls, **request: Any) -> int:
    """Everything that there is fails for the last time; returns how much."""
    count = 0
    while (answer := calls.get(**request)).slices:
        count += len(events(answer))
        calls.service.delivery.get_events(_nack(answer.lease))
    return count


def _nack(lease: str | None) -> GetEvents:
    return GetEvents("S", Settlements(nack=[Settlement(str(lease), dead=True)]), max_events=0)


def test_letters_that_no_topic_takes_are_bounded_and_all_go_once_one_is_named(store: Store) -> None:
    """With no more room for them nothing is handed out: nothing is dropped for one more."""
    calls = Calls(store)
    settings = Settings(bounds=Bounds(dead=5))
    calls.service = Service(store, settings, SystemRuntime())
    calls.subscribe("orders", dead_letter_topic="late", max_attempts=1)
    calls.publish("late")
    calls.publish("orders", 8)
    while (answer := calls.get(max_events=1)).slices:
        calls.service.delivery.get_events(_nack(answer.lease))
    assert (answer.blocked, len(calls.state().dead)) == ("dead", 5)
    calls.publish("orders")
    assert calls.get().blocked == "dead"
    calls.subscribe("orders", dead_letter_topic="letters")
    assert calls.service.topics.get("letters") is None
    assert calls.get(max_events=0).blocked is None
    assert condemn(calls, max_events=1) == 4
    assert calls.state().dead == []
    calls.subscribe("letters")
    assert calls.drain() == [("letters", n) for n in range(9)]


def test_what_the_version_before_turned_into_a_dead_letter_topic_stays_one(calls: Calls, store: Store) -> None:
    """It took the events of publishers before, and is in the registry; several subscribers share it."""
    calls.publish("old")
    doc = store.get_many([topic_path("old")]).docs[0]
    assert doc is not None
    store.update(doc.path, {**doc.data, "dead_letter": True}, doc.updated)
    calls.subscribe("orders", dead_letter_topic="old", max_attempts=1)
    calls.subscribe(">")
    calls.publish("orders", 2)
    calls.publish("old")
    assert condemn(calls) == 2
    assert calls.state().dead == []
    assert calls.drain() == []
    calls.subscribe("old")
    assert calls.drain() == [("old", n) for n in range(4)]
    fresh = Calls(store)
    fresh.subscribe("more", dead_letter_topic="old")


@pytest.fixture
def as_caller() -> Iterator[Callable[[str], None]]:
    """Says whose identity the calls have from then on."""
    yield lambda name: set_caller(Caller(name))
    set_caller(None)


@pytest.mark.parametrize("owner", ["alice", None])
def test_the_topic_named_after_a_subscriber_takes_its_letters_whoever_it_was_made_by(
    store: Store, as_caller: Callable[[str], None], owner: str | None
) -> None:
    """An older version made it for whoever called: an admin, or one of several callers of what is anybody's."""
    store.create(subscriber_path("S"), {**State.new("S").fields(), "owner": owner})
    topic = {"format": 1, "partitions": 1, "retention_s": 3600, "listed": False, "dead_letter": True, "owner": "carol"}
    for name in ("S.dead", "other.letters"):
        store.create(topic_path(name), topic)
    as_caller("alice")
    calls = Calls(store)
    calls.subscribe("orders", max_attempts=1)
    with pytest.raises(Forbidden):
        calls.subscribe("orders", dead_letter_topic="other.letters")
    calls.publish("orders", 2)
    assert condemn(calls) == 2
    assert calls.state().dead == []
    calls.subscribe("S.dead")
    assert calls.drain() == [("S.dead", 0), ("S.dead", 1)]


def test_what_fails_in_a_dead_letter_topic_is_counted_and_the_newest_are_known(
    calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    """Each by its place, until another seek or 100 more; the count is in the subscription's line."""
    calls.service.topics.register_dead_letter("letters")
    calls.subscribe("letters", max_attempts=1)
    calls.publish("letters", MAX_DROPPED + 20)
    with caplog.at_level(logging.WARNING, logger="pubsubservice.delivery"):
        assert condemn(calls) == MAX_DROPPED + 20
        while calls.state().dead:
            calls.get()
    told = [record.getMessage() for record in caplog.records]
    assert [line.split(" of ")[0] for line in told] == ["dropped 100 events", "dropped 20 events"]
    assert all("dead-letter topic letters that failed S for the last time" in line for line in told)
    state = calls.state()
    assert state.subscriptions["letters"].dropped == MAX_DROPPED + 20
    assert [index for _, _, index in state.dropped] == [*range(20, MAX_DROPPED + 20)]

    def explained(index: int) -> str:
        return str(calls.service.explanations.explain("S", "letters", f"0000-{index:020d}")["state"])

    assert [explained(index) for index in (19, 20, 119)] == ["settled", "dropped", "dropped"]
    with caplog.at_level(logging.INFO, logger="pubsubservice.request"):
        calls.service.housekeeping.run()
    line = json.loads(caplog.records[-1].getMessage())
    assert (line["topic"], line["dead"], line["dropped"]) == ("letters", 0, MAX_DROPPED + 20)
    calls.subscribe("letters", seek="latest")
    assert explained(119) == "before_start"
    calls.service.subscriptions.unsubscribe("S", "letters", None)
    calls.subscribe("letters")
    assert calls.state().subscriptions["letters"].dropped == 0


def test_a_state_of_the_version_before_is_read_and_goes_on(calls: Calls, store: Store) -> None:
    """It counts no dropped events yet."""
    calls.subscribe("orders")
    doc = store.get_many([subscriber_path("S")]).docs[0]
    assert doc is not None
    packed = msgspec.msgpack.decode(bytes(doc.data["state"]))  # type: ignore[arg-type]
    assert packed.pop() == []
    for subscription in packed[2].values():
        assert subscription.pop() == 0
    before = Doc(doc.path, {**doc.data, "state": msgspec.msgpack.encode(packed)}, doc.created, doc.updated)
    assert State.read(before).fields() == State.read(doc).fields()


def test_a_refusal_to_subscribe_makes_no_topic(calls: Calls) -> None:
    """Nor does naming one that is not there."""
    calls.publish("plain")
    with pytest.raises(Conflict, match="Name another dead_letter_topic"):
        calls.subscribe("orders", dead_letter_topic="plain")
    calls.subscribe("orders", dead_letter_topic="letters")
    assert calls.service.topics.get("letters") is None
    assert calls.service.topics.get("S.dead") is None
