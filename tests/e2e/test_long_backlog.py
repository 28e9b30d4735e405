"""A subscriber that lags far behind: it catches up in order, in constant memory, and filters cost a bounded call.

``BACKLOG_EVENTS=1000000`` for a million events; the figures are printed (``-s``).
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pytest

from e2e.serving import Serving
from e2e.wire import Wire, store_ops
from pubsubclient import Event, Publisher, Service, Subscriber

EVENTS = int(os.environ.get("BACKLOG_EVENTS", "100000"))
RARE = EVENTS // 10
PER_BATCH = 1_000

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc"),
    pytest.mark.timeout(1_200),
]


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def test_a_long_backlog(serving: Serving, service: Service, store: tuple[str, str | None]) -> None:
    """Every event once, in order; ten needles are found by a filter in calls of at most 260 reads."""
    events = EVENTS if store[0] == "sqlite" else EVENTS // 5
    rare = max(1, events // 10)
    with Publisher("shop", service=service).batch(max_events=PER_BATCH) as batch:
        for number in range(events):
            batch.publish(Event("orders", number, type="rare" if number % rare == rare // 2 else "event"))
    subscriber = Subscriber("billing", service=service)
    subscriber.subscribe("orders", ack_deadline=60)
    memory: list[tuple[float, float]] = []
    expected = 0
    for event in subscriber.events(wait=0):
        assert event.data == expected
        expected += 1
        if expected % (events // 10) == 0:
            memory.append((resident_mb(serving.pid), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    assert expected == events
    subscriber.close()
    print(f"\n{events} events drained; function {memory[0][0]:.0f} → {memory[-1][0]:.0f} MB, "
          f"client at most {memory[0][1]:.0f} → {memory[-1][1]:.0f} MB")  # fmt: skip
    assert memory[-1][0] < memory[0][0] + 40
    assert memory[-1][1] < memory[0][1] + 40

    wire = Wire(serving.url)
    wire.ok("register", {"subscriber": "needles"})
    wire.ok("subscribe", {"subscriber": "needles", "topic": "orders", "filters": [{"exact": {"type": "rare"}}]})
    found, calls, most, settled = [], 0, 0, {}
    while True:
        answer = wire.ask("get_events", {"subscriber": "needles", **settled})
        calls, most = calls + 1, max(most, store_ops(answer)[0])
        body = answer.json()
        found += [event["data"] for event in body["events"]]
        settled = {"ack": [{"lease": body["lease"]}]} if body["events"] else {}
        if not body["more"] and not settled:
            break
    wire.close()
    print(f"10 in {events} found by a filter in {calls} calls of at most {most} reads")
    assert found == [number for number in range(events) if number % rare == rare // 2]
    assert most <= 260
