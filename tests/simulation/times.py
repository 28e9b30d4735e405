"""The times of a seed, shortened together; and a call whose failure is an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pubsubservice.core.problems import Problem
from pubsubservice.storage.port import StoreError

FLOOR_S = 4.0
RETENTION_S = 10
DEADLINE_S = 6


def attempt(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (Problem, StoreError) as e:
        return e
