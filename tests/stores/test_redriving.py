"""Redrives that are interrupted anywhere: each step is repeated until it is through, and everything comes back once."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from pubsubservice.core.problems import Problem
from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.core.settings import Settings
from pubsubservice.delivery.peek import Peek
from pubsubservice.redrive.redriving import Redrive
from pubsubservice.service import Service
from pubsubservice.storage.port import Store, StoreError, Unknown
from stores.services import Calls
from stores.test_dead_letters import condemn

EVENTS = 12


class _KilledError(BaseException):
    """The process ended here."""


class _Failing:
    """A store whose operations fail now and then, before they are done or afterwards: by an error, or as the process ends."""

    def __init__(self, inner: Store, r: random.Random, chance: float) -> None:
        self._inner = inner
        self._random = r
        self._chance = chance

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation: Callable[..., Any] = getattr(self._inner, name)

        def failing(*arguments: Any, **more: Any) -> Any:
            fails = self._random.random() < self._chance
            if fails and self._random.random() < 0.5:
                raise self._failure()
            result = operation(*arguments, **more)
            if fails:
                raise self._failure()
            return result

        return failing

    def _failure(self) -> BaseException:
        return _KilledError() if self._random.random() < 0.5 else Unknown("the answer was lost")


def _step(store: Store, r: random.Random, request: Redrive) -> dict[str, Any]:
    """One step, by one process after the other until one gets through."""
    while True:
        failing: Any = _Failing(store, r, 0.15)
        service = Service(failing, Settings(), SystemRuntime())
        try:
            return service.redriving.redrive(request)
        except (_KilledError, StoreError):
            pass
        except Problem as problem:
            assert problem.status == 503, problem.detail  # noqa: PT017 - others may come first


@pytest.mark.parametrize("seed", range(8))
def test_an_interrupted_redrive_brings_everything_back_once(store: Store, seed: int) -> None:
    """What was asked for is in its topic once more, exactly; what was not is still to be redriven."""
    r = random.Random(seed)
    calls = Calls(store)
    for topic in ("a", "b"):
        calls.subscribe(topic, max_attempts=1)
    for _ in range(EVENTS):
        calls.publish(r.choice(("a", "b")))
    assert condemn(calls, max_events=r.choice((1, 5, 100))) == EVENTS
    wanted = _ids(calls, "a")
    step: dict[str, Any] = {"more": True}
    while step["more"]:
        step = _step(store, r, Redrive("S", "a", max_events=r.choice((1, 3, 5)), token=step.get("token")))
    assert "refused" not in step
    back = [event for event in _events(calls, "a") if "redriveof" in event]
    assert Counter(event["redriveof"] for event in back) == Counter(wanted)
    assert sorted(index for _, index in calls.drain()) == [*range(len(wanted), 2 * len(wanted))]
    others = _ids(calls, "b")
    step = calls.service.redriving.redrive(Redrive("S", ">"))
    assert (step["redriven"], step["more"]) == (len(others), False)
    assert Counter(event["redriveof"] for event in _events(calls, "b") if "redriveof" in event) == Counter(others)


def _events(calls: Calls, topic: str) -> list[dict[str, Any]]:
    """All events of a topic."""
    slices = calls.service.peek(Peek([topic], "earliest", max_events=1_000)).slices
    return [json.loads(line) for slice_ in slices for line in slice_.lines]


def _ids(calls: Calls, topic: str) -> list[str]:
    return [event["id"] for event in _events(calls, topic)]
