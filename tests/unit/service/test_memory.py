"""What a process remembers of subscribers' documents is bounded in number, bytes and age."""

from __future__ import annotations

import pytest

from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.delivery import memory
from pubsubservice.delivery.memory import CONFLICT_S, MAX_AGE_S, MAX_BYTES, MAX_SUBSCRIBERS, Memory, Remembered
from pubsubservice.storage.port import Doc


class StoodClock(SystemRuntime):
    seconds = 50.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> StoodClock:
    return StoodClock()


def remembered(clock: StoodClock, state_bytes: int = 100, paths: int = 0) -> Remembered:
    """What was written or read just now."""
    doc = Doc("subscribers/s", {"state": bytes(state_bytes)}, 1, 2)
    return Remembered(doc, 2, clock.seconds, {f"batches/{n}": 2 for n in range(paths)})


def held(one: Memory) -> list[str]:
    return [*one._remembered]


def test_a_document_is_taken_once(clock: StoodClock) -> None:
    one = Memory(clock)
    one.put("s", remembered(clock))
    clock.seconds += 0.5
    found = one.take("s")
    assert found is not None
    assert found[1] == pytest.approx(500_000 / 1.05, abs=1)
    assert one.take("s") is None
    assert one._bytes == 0


def test_the_oldest_give_way_when_there_are_too_many(clock: StoodClock) -> None:
    one = Memory(clock)
    for number in range(MAX_SUBSCRIBERS + 10):
        one.put(f"s{number}", remembered(clock))
    assert len(held(one)) == MAX_SUBSCRIBERS
    assert one.take("s9") is None
    assert one.take("s10") is not None


@pytest.mark.parametrize(("state_bytes", "paths"), [(900_000, 0), (100, 5_000)])
def test_the_oldest_give_way_when_they_are_too_large(clock: StoodClock, state_bytes: int, paths: int) -> None:
    """Documents of a megabyte, and waits for thousands of logs."""
    one = Memory(clock)
    for number in range(50):
        one.put(f"s{number}", remembered(clock, state_bytes, paths))
    assert 1 <= len(held(one)) <= 4
    assert one._bytes <= MAX_BYTES
    assert one.take("s49") is not None


def test_what_is_larger_than_all_of_it_is_not_kept(clock: StoodClock) -> None:
    one = Memory(clock)
    one.put("s", remembered(clock, MAX_BYTES + 1))
    assert held(one) == []
    assert one._bytes == 0


def test_what_is_too_old_goes_with_the_next_one(clock: StoodClock) -> None:
    one = Memory(clock)
    for number in range(10):
        one.put(f"s{number}", remembered(clock))
    clock.seconds += MAX_AGE_S + 0.1
    one.put("t", remembered(clock))
    assert held(one) == ["t"]


def test_conflicts_are_forgotten_in_time_and_bounded(clock: StoodClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_SUBSCRIBERS", 3)
    one = Memory(clock)
    for number in range(5):
        one.conflicted(f"s{number}")
    assert [*one._conflicts] == ["s2", "s3", "s4"]
    one.put("s4", remembered(clock))
    assert one.take("s4") is None
    clock.seconds += CONFLICT_S
    one.put("s4", remembered(clock))
    assert one.take("s4") is not None
    one.conflicted("t")
    assert [*one._conflicts] == ["t"]
