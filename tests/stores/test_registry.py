"""Topics and the registry that lists them, on both stores: no batch comes before its topic's record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pubsubservice.core.meter import start_meter
from pubsubservice.core.problems import Conflict, Unavailable
from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.core.settings import Settings
from pubsubservice.log.registry import Registry, record_path, recorded_topic
from pubsubservice.log.topics import Topics
from pubsubservice.storage.paths import subscriber_path, topic_path
from pubsubservice.storage.port import Store
from stores.losing import LosesAnswers


def records(store: Store) -> list[str]:
    """The topics that the registry names, oldest first."""
    newest, _ = Registry(store, SystemRuntime()).tail()
    docs = store.get_many([record_path(seq) for seq in range(1, newest + 2)]).docs
    assert docs[-1] is None
    return [recorded_topic(doc) for doc in docs if doc is not None]


def topics(store: Store) -> Topics:
    """The topics as a process that has just started knows them."""
    return Topics(store, SystemRuntime(), Settings())


def test_a_topic_is_recorded_once_before_it_may_take_a_batch(store: Store) -> None:
    """Registered again, or met by another process, it costs one read; then nothing."""
    mine = topics(store)
    assert mine.register("orders", 3) == (mine.get("orders"), True)
    assert store.get_many([topic_path("orders")]).docs[0].data["listed"] is True  # type: ignore[union-attr]
    for process in (mine, topics(store)):
        assert process.register("orders")[1] is False
        meter = start_meter()
        assert process.ensure("orders") == 3
        assert (meter.reads, meter.writes) == (0, 0)
    assert records(store) == ["orders"]


def test_what_was_stopped_in_the_middle_is_finished_by_whoever_comes_next(store: Store) -> None:
    """A topic made but not recorded, and one recorded but not marked: neither takes a batch before it is both."""
    half = {"format": 1, "partitions": 2, "retention_s": 3600, "listed": False, "dead_letter": False, "owner": None}
    store.create(topic_path("made"), half)
    store.create(topic_path("recorded"), half)
    Registry(store, SystemRuntime()).append("recorded")
    for topic in ("made", "recorded"):
        process = topics(store)
        assert process.get(topic) is not None
        assert process.ensure(topic) == 2
        assert store.get_many([topic_path(topic)]).docs[0].data["listed"] is True  # type: ignore[union-attr]
    assert records(store) == ["recorded", "made", "recorded"]


def test_other_partitions_are_refused_and_another_retention_is_taken(store: Store) -> None:
    """As long as the topic is not finished too."""
    half = {"format": 1, "partitions": 2, "retention_s": 3600, "listed": False, "dead_letter": False, "owner": None}
    store.create(topic_path("orders"), half)
    with pytest.raises(Conflict, match="has 2 partitions"):
        topics(store).register("orders", 3)
    assert records(store) == []
    found, created = topics(store).register("orders", 2, 7200)
    assert (found.retention_s, found.listed, created) == (7200, True, False)


def test_a_dead_letter_topic_is_never_recorded(store: Store) -> None:
    """Whoever publishes to it: it is ready as it is. One that takes the events of publishers never becomes one."""
    process = topics(store)
    process.register("orders")
    for name in ("s.dead", "s.dead", "letters"):
        assert process.register_dead_letter(name).ready
        assert topics(store).ensure(name) == 1
    with pytest.raises(Conflict, match="the events of publishers"):
        process.register_dead_letter("orders")
    assert topics(store).get("orders") == process.register("orders")[0]
    assert records(store) == ["orders"]


def test_a_topic_named_after_a_subscriber_takes_its_dead_letters_from_the_beginning(store: Store) -> None:
    """With the settings that it is registered with; before there is such a subscriber it is a topic like any other."""
    early, _ = topics(store).register("s.dead")
    store.create(subscriber_path("s2"), {"format": 1, "owner": None})
    late, created = topics(store).register("s2.dead", 2, 7200)
    assert (early.dead_letter, late.dead_letter, created) == (False, True, True)
    assert topics(store).register_dead_letter("s2.dead") == late
    assert (late.partitions, late.retention_s) == (2, 7200)
    assert records(store) == ["s.dead"]


def test_many_register_at_once_and_none_is_missing(store: Store) -> None:
    """Each topic has a record when its call returns, and the registry has no gap."""
    names = [f"t{n}" for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        for found, _ in pool.map(lambda n: topics(store).register(names[n % 12]), range(36)):
            assert found.listed
    assert set(records(store)) == set(names)


def test_a_record_whose_answer_was_lost_is_there(store: Store) -> None:
    """The next id tells; nothing is written twice by one call."""
    registry = Registry(LosesAnswers(store, applies=True), SystemRuntime())
    registry.append("orders")
    registry.append("bills")
    assert records(store) == ["orders", "bills"]


def test_a_record_that_was_lost_is_not_claimed(store: Store) -> None:
    """After some tries the caller is told to come again."""
    with pytest.raises(Unavailable, match="orders"):
        Registry(LosesAnswers(store, applies=False), SystemRuntime()).append("orders")
    assert records(store) == []
