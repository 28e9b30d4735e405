"""What only this project is measured in: competing consumers, waits, and what events cost in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.service.apart import apart
from benchmarks.service.connections import together
from benchmarks.service.counted import counted
from benchmarks.service.growth import growth, memory
from benchmarks.service.held import held, pair, waited
from benchmarks.service.limits import limits
from benchmarks.service.parts import parts
from benchmarks.service.payloads import payloads
from benchmarks.service.polls import waiting
from benchmarks.service.prices import dollars
from benchmarks.service.rounds import Figures, alternate
from benchmarks.service.sizes import Sizes
from benchmarks.service.starts import cold, starts
from benchmarks.service.volume import backup, connections, disk, sharing
from benchmarks.service.worker import Worker

__all__ = ["OURSELVES"]

Workers = Mapping[str, Worker]


def competing(workers: Workers, sizes: Sizes) -> Figures:
    """get_events by 1, 4 and 16 consumers of one subscriber: events a second, and calls a second."""
    figures: Figures = {}
    for consumers in (1, 4, 16):

        def turn(worker: Worker, number: int, consumers: int = consumers) -> dict[str, float]:
            taken, calls = worker.call("competing", f"c{consumers}-{number}", consumers, sizes.competing, 200)
            return {f"events /s, {consumers}": sizes.competing / taken, f"calls /s, {consumers}": calls / taken}

        for name, row in alternate(workers, turn, sizes.rounds).items():
            figures.setdefault(name, {}).update(row)
    return figures


def costs(workers: Workers, sizes: Sizes) -> Figures:
    """Store operations and Firestore's charges of a million 1-KB events to one subscriber, in batches of 100 and alone.

    CPU is that of the serving process; over Firestore's emulator, of that too.
    """
    figures: Figures = {}
    for name, worker in workers.items():
        figures[name] = row = {}
        for batch, events in ((100, sizes.costs), (1, sizes.costs // 20)):
            counted, cpu_s = worker.call("costs", f"cost{batch}", payloads("structured", events), batch)
            each = {kind: number * 1e6 / events for kind, number in counted.items()}
            row |= {f"{kind} a million, batches of {batch}": number for kind, number in each.items()}
            row[f"$ a million, batches of {batch}"] = dollars(**each)
            row[f"CPU s a million, batches of {batch}"] = cpu_s * 1e6 / events
            # each batch is looked at once by a later run of expire, and deleted
            kept = dollars(
                reads=each["reads"] + 1e6 / batch, writes=each["writes"], deletes=each["deletes"] + 1e6 / batch
            )
            row[f"$ a million with retention, batches of {batch}"] = kept
    return figures


_EVERYONE = ("ours", "ours firestore", "Pub/Sub emulator", "NATS JetStream", "Redis Streams")

#: by name, with the workers that take part
OURSELVES: dict[str, tuple[Callable[[Workers, Sizes], Figures], tuple[str, ...]]] = {
    "limits": (limits, ()),
    "parts": (parts, ()),
    "together": (together, ("bare echo", "ours")),
    "competing": (competing, ("ours", "ours firestore")),
    "costs": (costs, ("ours", "ours firestore")),
    "counted": (counted, ()),
    "apart": (apart, ()),
    "pair": (pair, ("ours", "ours firestore")),
    "held": (held, ("ours", "ours firestore")),
    "waited": (waited, ("ours", "ours firestore")),
    "waiting": (waiting, ()),
    "starts": (starts, ()),
    "cold": (cold, ()),
    "memory": (memory, _EVERYONE),
    "growth": (growth, ("ours",)),
    "disk": (disk, ()),
    "backup": (backup, ()),
    "connections": (connections, ()),
    "sharing": (sharing, ()),
}
