"""Many processes publish to one topic while others consume it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from e2e.serving import Serving, environment

_PROGRAMS = Path(__file__).parent / "programs"
_PUBLISHERS, _EVENTS = 8, 200


def _start(serving: Serving, program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(_PROGRAMS / program), *map(str, arguments)]
    variables = environment(PUBLISH_SUBSCRIBE_SERVICE=serving.url)
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)


def _ended(process: subprocess.Popen[str]) -> list[str]:
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 0
    return out.splitlines()


def test_every_subscriber_gets_every_event_once_and_in_order(serving: Serving) -> None:
    """By commit time over all, and each publisher's as it published them."""
    total = _PUBLISHERS * _EVENTS
    consumers = [_start(serving, "consume.py", "orders", f"S{number}", total) for number in range(2)]
    publishers = [_start(serving, "publish.py", "orders", f"P{number}", _EVENTS) for number in range(_PUBLISHERS)]
    receipts = [line for publisher in publishers for line in _ended(publisher)]
    assert sorted(receipts) == [f"0000-{index:020d}" for index in range(total)]
    for consumer in consumers:
        events = [json.loads(line) for line in _ended(consumer)[1:]]
        assert len(events) == total
        times = [time for time, _, _ in events]
        assert times == sorted(times)
        by_publisher = defaultdict(list)
        for _, publisher, number in events:
            by_publisher[publisher].append(number)
        assert dict(by_publisher) == {f"P{number}": list(range(_EVENTS)) for number in range(_PUBLISHERS)}
