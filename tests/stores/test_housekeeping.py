"""Retention and the lines about subscriptions, on both stores, with a retention of a second."""

from __future__ import annotations

import json
import logging

import pytest

from pubsubservice.core.problems import BadRequest
from pubsubservice.log.retention import Expired
from pubsubservice.storage.paths import topic_path
from pubsubservice.storage.port import Store
from stores.services import Calls, until

RETENTION_S = 1
SECOND = 1_000_000


def aged(store: Store, *topics: str, batches: int = 3) -> Calls:
    """Topics with batches that are all older than the retention."""
    calls = Calls(store, safety_window_s=RETENTION_S / 2)
    for topic in topics:
        calls.service.topics.register(topic, retention_s=RETENTION_S)
        for _ in range(batches):
            (_, time) = calls.publish(topic)[-1]
    until(lambda: now(store) > time + RETENTION_S * SECOND)
    return calls


def now(store: Store) -> int:
    """The store's time."""
    return store.get_many(["system/expire"]).time


def test_what_is_too_old_goes_but_for_the_last_batch(store: Store) -> None:
    """Whoever had not read it is told how much it was; a run with nothing to do writes nothing."""
    calls = aged(store, "orders")
    calls.subscribe("orders")
    assert calls.service.housekeeping.run() == Expired(1, 2, more=False)
    answer = Calls(store, safety_window_s=RETENTION_S / 2).get()  # the process that wrote them still has the batches
    assert dict(answer.lost) == {"orders": 2}
    assert [slice_.span.first for slice_ in answer.slices] == [2]
    meter = calls.cost(calls.service.housekeeping.run)
    assert (meter.writes, meter.deletes) == (0, 0)
    assert meter.reads <= 5


def test_a_lowered_retention_does_not_take_what_is_delayed(store: Store) -> None:
    """It is kept until half of the retention has passed since it was due, and with it what is behind it."""
    calls = Calls(store, safety_window_s=RETENTION_S)
    calls.subscribe("orders")
    calls.service.topics.register("orders", retention_s=10 * RETENTION_S)
    calls.publish("orders")
    (_, delayed) = calls.publish("orders", delay_s=3 * RETENTION_S)[0]
    calls.publish("orders")
    (_, last) = calls.publish("orders")[0]
    assert calls.drain() == [("orders", 0), ("orders", 2), ("orders", 3)]
    calls.service.topics.register("orders", retention_s=2 * RETENTION_S)
    until(lambda: now(store) > last + 2 * RETENTION_S * SECOND)
    assert calls.service.housekeeping.run() == Expired(1, 1, more=False)
    until(lambda: now(store) > delayed + 3 * RETENTION_S * SECOND)
    assert calls.service.housekeeping.run().batches == 0
    other = Calls(store, safety_window_s=RETENTION_S)  # the process that wrote it still has the batch
    assert other.drain(wait_s=RETENTION_S) == [("orders", 1)]
    until(lambda: now(store) > delayed + 4 * RETENTION_S * SECOND)
    assert calls.service.housekeeping.run().batches == 2
    assert not calls.state().lost


def test_a_delay_over_half_of_what_the_topic_keeps_is_refused(store: Store) -> None:
    """By what its retention is now, whatever this process knew before."""
    calls, other = Calls(store), Calls(store)
    calls.publish("orders", delay_s=86_400)
    other.service.topics.register("orders", retention_s=600)
    calls.publish("orders", delay_s=300)
    for delay_s in (301, 86_400):
        with pytest.raises(BadRequest, match="300 s, is expected") as refused:
            calls.publish("orders", delay_s=delay_s)
        assert refused.value.code == "delay_too_long"
    other.service.topics.register("orders", retention_s=172_800)
    assert calls.publish("orders", delay_s=86_400)[0][0] == 2


def test_an_event_that_went_is_explained(store: Store) -> None:
    """Whether it had been read or not; the one that stays is as before."""
    calls = aged(store, "orders")
    calls.subscribe("orders")
    calls.service.housekeeping.run()
    explained = [calls.service.explanations.explain("S", "orders", f"0000-{index:020d}")["state"] for index in range(4)]
    assert explained == ["trimmed", "trimmed", "not_read", "unknown_event"]


def test_a_run_that_met_its_bound_is_gone_on_with(store: Store) -> None:
    """By any process; when all is done the note says so."""
    calls = aged(store, "bills", "orders")
    assert calls.service.housekeeping.run(3) == Expired(2, 3, more=True, after="bills")
    other = Calls(store, safety_window_s=RETENTION_S / 2)
    assert other.service.housekeeping.run(3) == Expired(1, 1, more=False)
    assert store.get_many(["system/expire"]).docs[0].data["topic"] == ""  # type: ignore[union-attr]
    assert other.service.housekeeping.run(3) == Expired(2, 0, more=False)


def test_a_run_looks_at_a_bounded_number_of_logs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One topic at least, so that each run gets on."""
    monkeypatch.setattr("pubsubservice.log.retention.MAX_LOGS", 4)
    calls = Calls(store)
    for topic, partitions in (("a", 3), ("b", 2), ("c", 2), ("d", 9)):
        calls.service.topics.register(topic, partitions)
    runs = [calls.service.housekeeping.run() for _ in range(4)]
    assert [(run.topics, run.after) for run in runs] == [(1, "a"), (2, "c"), (1, ""), (1, "a")]
    assert [run.more for run in runs] == [True, True, False, True]


def test_a_topic_that_was_left_out_of_the_registry_gets_into_it(store: Store) -> None:
    """As one has that an older version made."""
    calls = Calls(store)
    old = {"format": 1, "partitions": 1, "retention_s": 3600, "listed": False, "owner": None}
    store.create(topic_path("orders"), old)
    calls.subscribe(">")
    assert calls.get().slices == []
    calls.service.housekeeping.run()
    calls.publish("orders")
    assert calls.drain() == [("orders", 0)]


def test_each_subscription_has_a_line(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """With what it has not read, and how old the oldest of what it has not settled is."""
    calls = Calls(store)
    for topic in ("bills", "orders", "read"):
        calls.publish(topic, 2)
        calls.publish(topic)
    calls.subscribe("read")
    lease = calls.get().lease
    calls.get(lease)
    calls.subscribe("bills")
    calls.get(max_events=2)
    calls.subscribe("*")
    calls.subscribe("orders")
    caplog.set_level(logging.INFO, logger="pubsubservice.request")
    calls.service.housekeeping.run()
    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert [(line["log"], line["severity"], line["subscriber"]) for line in lines] == [
        ("subscription", "INFO", "S")
    ] * 3
    assert [(line["topic"], line["backlog"]) for line in lines] == [("read", 0), ("bills", 1), ("orders", 3)]
    assert lines[0]["oldest_age_s"] is None
    assert all(0 <= line["oldest_age_s"] < 60 for line in lines[1:])
    assert lines[1]["oldest_age_s"] >= lines[2]["oldest_age_s"]


def test_topics_that_were_not_met_yet_have_lines(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Whose consumer is gone meets none any more."""
    calls = Calls(store)
    calls.subscribe("orders.*")
    calls.subscribe("bills")
    calls.publish("orders.eu")
    calls.drain()
    calls.publish("orders.us", 3)
    calls.publish("bills", 2)
    caplog.set_level(logging.INFO, logger="pubsubservice.request")
    calls.service.housekeeping.run()
    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert {line["topic"]: line["backlog"] for line in lines} == {"orders.eu": 0, "bills": 2, "orders.us": 3}
    assert [line["oldest_age_s"] is None for line in lines if line["backlog"]] == [False, False]


def test_what_retention_took_does_not_hide_the_age_of_what_is_left(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The oldest event that is still there counts."""
    calls = aged(store, "orders")
    calls.subscribe("orders")
    caplog.set_level(logging.INFO, logger="pubsubservice.request")
    for _ in range(2):
        calls.service.housekeeping.run()
    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert [line["backlog"] for line in lines] == [3, 3]
    assert all(line["oldest_age_s"] >= RETENTION_S for line in lines)
    assert calls.service.show("subscriber", "S")["oldest_unsettled_age_s"] >= RETENTION_S


def test_the_lines_of_many_subscribers_are_spread_over_runs(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its turn."""
    monkeypatch.setattr("pubsubservice.admin.housekeeping._MAX_READS", 3)
    calls = Calls(store)
    calls.publish("orders")
    names = [f"s{n}" for n in range(5)]
    for name in names:
        calls.service.subscriptions.register(name)
        calls.service.subscriptions.subscribe(calls.request("orders")._replace(subscriber=name))
    caplog.set_level(logging.INFO, logger="pubsubservice.request")
    while len(caplog.records) < 10:
        calls.service.housekeeping.run()
    told = [json.loads(record.getMessage())["subscriber"] for record in caplog.records]
    assert told[:10] == [*names, *names]
