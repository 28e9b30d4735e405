"""Finding a place in a log of 10,000 batches by point reads, on both stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pubsubservice.core.meter import start_meter
from pubsubservice.core.problems import BadRequest
from pubsubservice.log.batch import Origin, compress, document
from pubsubservice.log.position import Position
from pubsubservice.log.seek import EARLIEST, LATEST, TRIMMED, Seeker, StartPosition
from pubsubservice.storage.paths import batch_path, log_path
from pubsubservice.storage.port import Store
from stores.services import Calls

BATCHES, EVENTS = 10_000, 3
#: retention took the batches up to this one
TRIM = 2_500
MAX_READS = 30


def fill(store: Store) -> list[int]:
    """A log of batches with three events each; returns their commit times."""
    blob, hashes = compress([b"{}"] * EVENTS), [b"\0" * 8] * EVENTS
    times = []
    for seq in range(1, BATCHES + 1):
        data = document(blob, (seq - 1) * EVENTS, hashes, [Origin("P", EVENTS)])
        times.append(store.create(batch_path("orders", 0, seq), data))
    return times


@pytest.mark.timeout(300)
def test_any_place_is_found_by_at_most_thirty_reads(store: Store) -> None:
    """A time, an index, the ends; also where retention has taken what was there."""
    times = fill(store)
    seeker = Seeker(store)

    def sought(place: StartPosition) -> tuple[int, int, int]:
        meter = start_meter()
        (position,) = seeker.positions("orders", 1, place)
        assert 0 < meter.reads <= MAX_READS
        assert (meter.writes, meter.deletes) == (0, 0)
        return position.seq, position.offset, position.index

    end = (BATCHES + 1, 0, BATCHES * EVENTS)
    for trim in (0, TRIM):
        if trim:
            store.create(log_path("orders", 0), {"format": 1, "trim": trim, "index": trim * EVENTS, "swept": trim})
            store.delete([batch_path("orders", 0, seq) for seq in range(1, trim + 1)])
        first = (trim + 1, 0, trim * EVENTS)
        assert sought(EARLIEST) == sought(1) == sought(times[0]) == first
        assert sought(LATEST) == sought(times[-1] + 1) == sought((BATCHES * EVENTS,)) == end
        for seq in (TRIM + 1, TRIM + 2, 5_000, 7_777, BATCHES - 1, BATCHES):
            assert sought(times[seq - 1]) == sought(times[seq - 2] + 1) == (seq, 0, (seq - 1) * EVENTS)
            assert sought(((seq - 1) * EVENTS + 2,)) == (seq, 2, (seq - 1) * EVENTS + 2)
            start_meter()
            assert seeker.batch_of("orders", 0, seq * EVENTS - 1) == seq
    assert seeker.batch_of("orders", 0, TRIM * EVENTS - 1) == TRIMMED
    assert seeker.batch_of("orders", 0, BATCHES * EVENTS) is None
    with pytest.raises(BadRequest, match="was never reached"):
        seeker.positions("orders", 1, (BATCHES * EVENTS + 1,))


@pytest.fixture
def calls(store: Store) -> Iterator[Calls]:
    return Calls(store)


def test_a_topic_without_events_has_one_place(store: Store) -> None:
    """Wherever one asks for, in each of its partitions."""
    seeker = Seeker(store)
    places: tuple[StartPosition, ...] = (EARLIEST, LATEST, 1, (0, 0), ())
    for place in places:
        positions = seeker.positions("orders", 2, place)
        assert [(position.seq, position.offset, position.index) for position in positions] == [(1, 0, 0)] * 2


def test_each_partition_has_a_place_of_its_own(calls: Calls) -> None:
    """A time is one for all, an index is not."""
    calls.service.topics.register("orders", 4)
    sent = [calls.publish("orders", 2, publisher=f"P{n % 16}")[0] for n in range(40)]
    everything = calls.drain_of("orders", EARLIEST)
    assert len(everything) == 80
    time = sent[20][1]
    assert calls.drain_of("orders", time) == everything[40:]
    saved = [position.index for position in calls.state().subscriptions["orders"].positions]
    half = tuple(index // 2 for index in saved)
    again = calls.drain_of("orders", half)
    assert sorted(again) == sorted(
        (partition, i) for partition, n in enumerate(saved) for i in range(half[partition], n)
    )
    assert [event for event in everything if event in again] == again


def test_what_retention_took_behind_a_saved_position_is_counted_lost(calls: Calls) -> None:
    """It is told as to any reader that came too late; a time asks for what there is."""
    for _ in range(4):
        calls.publish("orders")
    path = log_path("orders", 0)
    calls.store.create(path, {"format": 1, "trim": 2, "index": 2, "swept": 2})
    calls.store.delete([batch_path("orders", 0, seq) for seq in (1, 2)])
    reader = Calls(calls.store)
    reader.subscribe("orders", start=(1,))
    assert reader.drain() == [("orders", 2), ("orders", 3)]
    assert reader.state().lost == {"orders": 1}
    reader.subscribe("orders", seek=1)
    assert reader.drain() == [("orders", 2), ("orders", 3)]
    assert reader.state().lost == {"orders": 1}


def test_a_seek_forgets_what_is_leased_and_due(calls: Calls) -> None:
    """It comes again as new, and a late ack of the old lease changes nothing."""
    calls.publish("orders", 3)
    calls.publish("bills")
    calls.subscribe("orders")
    calls.subscribe("bills")
    old = calls.get()
    calls.subscribe("orders", seek=EARLIEST)
    assert calls.state().subscriptions["orders"].positions[0] == Position(1, 0, 0, 0)
    new = calls.get()
    assert [(slice_.topic, slice_.picked, new.attempt) for slice_ in new.slices] == [("orders", 0b111, 1)]
    answer = calls.get(old.lease, max_events=0)
    assert answer.unknown == [("ack", old.lease)]
    assert [lease.left.bit_count() for lease in calls.state().leases.values()] == [3]
