"""``pubsub bench``: how fast a service is, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pubsubclient._core.errors import PubSubError
from pubsubclient.cli.asking import YES, confirm
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.failures import CommandError
from pubsubclient.cli.values import SIZE

if TYPE_CHECKING:
    from pubsubclient.cli.benchmark import Benchmark

__all__ = ["command"]

_HEADS = ["PHASE", "EVENTS", "SECONDS", "EVENTS/S", "P50 MS", "P99 MS", "READS/M", "WRITES/M", "DELETES/M", "$/M"]


@click.command(
    cls=Command,
    epilog="P50 and P99 are of a request, or of a round trip: publish one event and receive it. /M: for a million events. The "
    "topic `bench` stays, and keeps events for ten minutes; all other names of the run are removed. At a service that is not "
    "on this machine it asks first, because events cost money there.",
)
@click.option("--size", type=SIZE, default="1KB", metavar="BYTES", help="Data of an event: 1KB (default), 300, 64KB.")
@click.option(
    "--count", type=click.IntRange(1, 1_000_000), default=20_000, metavar="N", help="Number of events (20000)."
)
@click.option("--batch", type=click.IntRange(1, 5_000), default=1_000, metavar="N", help="Events of a request (1000).")
@click.option("--publishers", type=click.IntRange(1, 64), default=1, metavar="N", help="Threads that publish (1).")
@click.option("--consumers", type=click.IntRange(1, 64), default=1, metavar="N", help="Threads that receive (1).")
@YES
@pass_common
def command(
    common: Common, size: int, count: int, batch: int, publishers: int, consumers: int, *, yes: bool
) -> None:  # fmt: skip
    """Publish events, receive them, and measure both, for a minute at most."""
    from pubsubclient._http.identity import is_loopback  # noqa: PLC0415 - `--help` needs none of it
    from pubsubclient.cli.benchmark import Benchmark, Plan  # noqa: PLC0415

    service = common.chosen_service()
    url = service.urls["publish"]
    if not is_loopback(url):
        confirm(common, f"Publish {count} events of {size} bytes at {url}? They cost money there.", yes=yes)
    benchmark = Benchmark(service, Plan(size, count, batch, publishers, consumers), common.spent)
    try:
        common.output.progress("publishing")
        published = benchmark.publish()
        common.output.progress("receiving")
        results = [published, benchmark.drain(published.events)]
        common.output.progress("single events, there and back")
        results.append(benchmark.round_trips())
    finally:
        common.output.clear_progress()
        _close(common, benchmark)
    measured = {result.phase: result.measures() for result in results}
    if common.output.json:
        common.output.record({phase.replace(" ", "_"): measures for phase, measures in measured.items()})
        return
    common.output.table(_HEADS, [[phase, *map(str, measures.values())] for phase, measures in measured.items()])
    for result, wanted in zip(results, (count, published.events), strict=False):
        if result.events < wanted:
            common.output.note(f"{result.phase}: {result.events} of {wanted} events in the time there was")


def _close(common: Common, benchmark: Benchmark) -> None:
    """Remove the names of the run; what was measured is shown even if they stay."""
    try:
        benchmark.close()
    except (PubSubError, CommandError) as error:
        common.output.note(f"the names of this run stay: {error}")
