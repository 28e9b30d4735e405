"""What a deployment takes at so many events a second: partitions, instances, dollars, and what gives out first.

    python -m benchmarks.model run.json

The run needs the workload `costs` (``python -m benchmarks.service --only costs --json run.json``): store operations and CPU
time are measured.
Firestore's latencies in the cloud are assumed. Firestore's limits and the prices are Google's, November 2026, us-central1:
https://firebase.google.com/docs/firestore/quotas, https://cloud.google.com/firestore/pricing, https://cloud.google.com/run/pricing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from benchmarks.service.prices import dollars

__all__ = ["RATES", "Deployment", "deploy", "table"]

RATES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)

#: assumed: a commit from a function in the database's region, seconds
COMMIT_S = 0.05
#: clients collect events for so long before they send, seconds
DELAY_S = 0.1
#: of what is possible, how much is used
HEADROOM = 0.5
#: a 1-KB event as it is stored: compressed, with the hash of its identity; bytes
STORED_BYTES = 250
#: of the blob of a batch, bytes; of events in a request of 1 KB each (4 MiB)
BATCH_BYTES, REQUEST_EVENTS = 1_000_000, 1_000
#: updates of one subscriber's document a second ("1 to 10"), and events in one answer
UPDATES, ANSWER_EVENTS = 5, 5_000
#: what a wait that an event ends takes beside the request that gets the event (workload `pair`, "each waited for"): it looks
#: and listens, and writes the acknowledgement of the event before
WAIT_READS, WAIT_WRITES = 3, 1
#: requests that an instance serves at once
CONCURRENCY = 80
#: $ a vCPU second and a GiB second (half a GiB an instance), a request; time is rounded up to 0.1 s
SECOND, REQUEST, LEAST_S = 0.000024 + 0.5 * 0.0000025, 0.4e-6, 0.1
#: $ a GiB and month, and how long events are kept, seconds
STORAGE, RETENTION_S = 0.15, 7 * 24 * 3600
MONTH_S = 30 * 24 * 3600


@dataclass(frozen=True)
class Measured:
    """CPU of publishing and delivering: seconds a request pair, and an event."""

    per_request_s: float
    per_event_s: float

    @classmethod
    def of(cls, run: Mapping[str, object]) -> Measured:
        """From the JSON of a run: CPU time with one event and with a hundred in each request."""
        row = run["results"]["costs"]["ours firestore"]  # type: ignore[index]
        alone, hundred = (row[f"CPU s a million, batches of {batch}"] / 1e6 for batch in (1, 100))
        per_request_s = (alone - hundred) / (1 - 1 / 100)
        return cls(per_request_s, max(0.0, alone - per_request_s))


@dataclass(frozen=True)
class Deployment:
    """What one rate takes, with one subscriber, 1-KB events and 7 days of retention."""

    rate: int
    events_a_request: float
    partitions: int
    commits: float
    #: names among which consumers divide the topics, because one document takes only so many updates
    subscribers: int
    calls: float
    instances: int
    operations_dollars: float
    compute_dollars: float
    storage_dollars_a_month: float

    @property
    def dollars_a_month(self) -> float:
        """All of it."""
        return (
            self.storage_dollars_a_month + (self.operations_dollars + self.compute_dollars) * self.rate * MONTH_S / 1e6
        )


def deploy(rate: int, measured: Measured) -> Deployment:
    """What `rate` events a second take; dollars are for a million events where not said otherwise."""
    events_a_request = min(REQUEST_EVENTS, max(1.0, rate * DELAY_S))
    requests = rate / events_a_request
    # one append at a time in each log, each as large as a document may be
    log_rate = HEADROOM * BATCH_BYTES / STORED_BYTES / COMMIT_S
    partitions = ceil(rate / log_rate)
    commits = min(requests, partitions / COMMIT_S)
    subscribers = ceil(rate / (UPDATES * ANSWER_EVENTS))
    calls = min(requests, subscribers * UPDATES)
    # a call reads what is new, and of each log that nothing more is there; expire looks at each batch and deletes it
    reads = 2 * commits + calls * ceil(partitions / subscribers)
    # below the most updates a second, the consumer has done its work and waits when the next event comes
    waits = calls if calls < UPDATES else 0.0
    operations = dollars(
        reads=reads + WAIT_READS * waits, writes=commits + calls + WAIT_WRITES * waits, deletes=commits
    )
    calls += waits  # two requests each
    cpu = rate * measured.per_event_s + (requests + calls) / 2 * measured.per_request_s
    waiting = (requests + calls) * 2 * COMMIT_S / CONCURRENCY
    instances = max(1, ceil(max(cpu, waiting) / HEADROOM))
    busy = min(float(instances), max(cpu / HEADROOM, (requests + calls) * LEAST_S))
    compute = busy * SECOND + (requests + calls) * REQUEST
    stored_gib = rate * RETENTION_S * STORED_BYTES / 2**30
    each = 1e6 / rate
    return Deployment(
        rate, events_a_request, partitions, commits, subscribers, calls, instances, operations * each, compute * each,
        stored_gib * STORAGE,
    )  # fmt: skip


def table(measured: Measured) -> str:
    """The deployments for `RATES`, in Markdown."""
    heads = (
        "events/s", "events a request", "partitions", "commits/s", "subscriber names", "calls/s", "instances",
        "Firestore $ a million", "compute $ a million", "$ a month, with storage",
    )  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|" + " ---: |" * len(heads)]
    for deployment in (deploy(rate, measured) for rate in RATES):
        cells = (
            f"{deployment.rate:,}",
            f"{deployment.events_a_request:,.0f}",
            f"{deployment.partitions}",
            f"{deployment.commits:,.0f}",
            f"{deployment.subscribers}",
            f"{deployment.calls:,.0f}",
            f"{deployment.instances}",
            f"{deployment.operations_dollars:.3g}",
            f"{deployment.compute_dollars:.3g}",
            f"{deployment.dollars_a_month:,.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(Measured.of(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
