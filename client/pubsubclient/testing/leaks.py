"""What a test leaves open at its end."""

from __future__ import annotations

from pubsubclient._core.at_exit import Holder, drop_holders
from pubsubclient._http.service import Service
from pubsubclient._publish.batch import open_batches
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.stream import Stream
from pubsubclient._worker.worker import Worker
from pubsubclient.testing.adapter import InProcess, LocalAdapter
from pubsubclient.testing.clock import LocalClock

__all__ = ["end"]

#: how far the clock is moved so that all waits end, seconds: longer than any deadline or wait of the SDK
_END_S = 3600.0
#: how long a thread may take to end by itself, seconds of real time
_JOIN_S = 5.0


def end(service: Service, clock: LocalClock, adapter: LocalAdapter, process: InProcess) -> list[str]:
    """End a service, and return what was open: a sentence for each loop or worker with events, each batch, each thread."""
    found = [
        f"{holder!r} are still held. End what holds them before the test ends."
        for holder in _drop(service)
        if isinstance(holder, Stream | Worker)
    ]
    for batch in open_batches(service):
        found.append(f"{batch!r} is open. Close it, or use it in a with block.")
        batch.abandon()
    threads = clock.at_work()
    found += [f"The thread {thread.name!r} still uses the service. End it before the test ends." for thread in threads]
    adapter.closed = True
    clock.close()
    clock.advance(_END_S)
    for thread in threads:
        thread.join(_JOIN_S)
    process.close()
    _drop(service)  # what these threads have given back at their ends
    return found


def _drop(service: Service) -> list[Holder]:
    """Settle nothing at this service any more; returns what held events."""
    holders = drop_holders(service)
    for holder in holders:
        if isinstance(holder, Outcomes):
            holder.discard()
    return holders
