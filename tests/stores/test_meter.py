"""What a call is billed for: the same on both stores, to the operation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pubsubservice.core.meter import start_meter
from pubsubservice.storage.port import Changed, Exists, Refused, Store

PATHS = [f"topics/{n}" for n in range(3)]


def cost(call: Callable[[], object]) -> tuple[int, int, int]:
    """Reads, writes and deletes of a call."""
    meter = start_meter()
    call()
    return meter.reads, meter.writes, meter.deletes


def test_a_look_up_costs_one_read_a_path_whether_found_or_not(store: Store) -> None:
    store.create(PATHS[0], {"blob": b"x" * 10_000})
    assert cost(lambda: store.get_many(PATHS)) == (3, 0, 0)
    assert cost(lambda: store.get_many(PATHS[:1], fields=["n"])) == (1, 0, 0)
    assert cost(lambda: store.get_many([])) == (0, 0, 0)


def test_a_page_costs_its_documents_and_at_least_one_read(store: Store) -> None:
    assert cost(lambda: store.list("topics")) == (1, 0, 0)
    for path in PATHS:
        store.create(path, {})
    assert cost(lambda: store.list("topics")) == (3, 0, 0)
    assert cost(lambda: store.list("topics", limit=2)) == (2, 0, 0)
    assert cost(lambda: store.list("topics", after="9")) == (1, 0, 0)


def test_a_write_costs_one_write_also_when_its_condition_is_not_met(store: Store) -> None:
    def stale() -> None:
        with pytest.raises(Exists):
            store.create(PATHS[0], {})
        with pytest.raises(Changed):
            store.update(PATHS[0], {}, 1_700_000_000_000_000)
        with pytest.raises(Changed):
            store.update(PATHS[1], {}, 1_700_000_000_000_000)

    assert cost(lambda: store.create(PATHS[0], {})) == (0, 1, 0)
    assert cost(stale) == (0, 3, 0)
    [doc] = store.get_many(PATHS[:1]).docs
    assert doc is not None
    assert cost(lambda: store.update(PATHS[0], {}, doc.updated)) == (0, 1, 0)


def test_what_is_refused_before_it_is_sent_costs_nothing(store: Store) -> None:
    def oversize() -> None:
        with pytest.raises(Refused):
            store.create(PATHS[0], {"a": b"x" * 700_000, "b": b"x" * 700_000})

    assert cost(oversize) == (0, 0, 0)


def test_a_delete_costs_one_a_path_whether_there_or_not(store: Store) -> None:
    store.create(PATHS[0], {})
    assert cost(lambda: store.delete(PATHS)) == (0, 0, 3)
    assert cost(lambda: store.delete([])) == (0, 0, 0)


def test_the_meter_knows_the_newest_time_that_has_passed(store: Store) -> None:
    meter = start_meter()
    created = store.create(PATHS[0], {})
    assert meter.time == created
    reads = store.get_many(PATHS)
    assert meter.time == max(reads.times)
    page = store.list("topics")
    assert meter.time == max(*reads.times, page.time)
    updated = store.update(PATHS[0], {}, created)
    assert meter.time == updated
    store.delete(PATHS)
    assert meter.time > updated
