"""``pubsub tail``: the events of topics, without a subscriber."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.events import FORMATS, show_event
from pubsubclient.cli.text import counted
from pubsubclient.cli.values import FILTERS, MOMENT, REGEX, TOPIC

if TYPE_CHECKING:
    from pubsubclient import ReceivedEvent, Service

__all__ = ["command"]

_WAIT_S = 20.0


@click.command(cls=Command, epilog="Looking changes nothing: no event is acknowledged, and no name is made.")
@click.argument("topics", nargs=-1, type=TOPIC)
@click.option("-F", "--follow/--no-follow", default=None, help="Go on with new events (default on a terminal).")
@click.option("-n", "--last", type=click.IntRange(0, 1_000), metavar="N", help="Begin with the N newest events (10).")
@click.option("--since", type=MOMENT, metavar="TIME", help="Begin so long ago (10m), or at a time.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N events.")
@click.option("--grep", "pattern", type=REGEX, metavar="REGEX", help="Only events whose JSON matches.")
@click.option(
    "--filter", "filters", type=FILTERS, metavar="JSON", help='Only these events: {"prefix": {"type": "order."}}.'
)
@click.option("-o", "--output", "form", type=click.Choice(FORMATS), default="line", help="What to write (line).")
@click.option("--stats", is_flag=True, help="Show the rate of events on stderr.")
@pass_common
def command(
    common: Common, topics: tuple[str, ...], last: int | None, since: datetime | None, count: int | None,
    pattern: re.Pattern[str] | None, filters: Sequence[Mapping[str, Any]] | None, form: str, *, follow: bool | None,
    stats: bool,
) -> None:  # fmt: skip
    """Show the events of TOPICS, names or patterns such as 'orders.*'; of all topics without one."""
    if last is not None and since is not None:
        raise click.UsageError("--last and --since exclude each other.")
    follow = sys.stdout.isatty() if follow is None else follow
    form = "json" if common.output.json else form
    last = 10 if last is None else last
    # before anything is asked, so that a service that is not named costs nothing
    service = common.chosen_service()
    events = _events(common, service, topics or (">",), filters or (), follow=follow, last=last, since=since)
    shown, started = 0, time.monotonic()
    try:
        for event in events:
            if pattern is None or pattern.search(json.dumps(dict(event.members), ensure_ascii=False)):
                show_event(common.output, event, form)
                shown += 1
                if shown == count:
                    return
            if stats:
                common.output.progress(f"{shown} events, {shown / max(0.1, time.monotonic() - started):.1f}/s")
    finally:
        if any(common.spent()):  # else no service has answered, which the error says
            common.output.note(f"{counted(shown, 'event')}; this cost {common.spent()}")


def _events(
    common: Common, service: Service, topics: tuple[str, ...], filters: Sequence[Mapping[str, Any]], *, follow: bool,
    last: int, since: datetime | None,
) -> Iterator[ReceivedEvent]:  # fmt: skip
    """Yield the events that are there, then, to follow, those that come."""
    from pubsubclient.cli.peeking import last_events, pages  # noqa: PLC0415 - it imports requests

    seen: set[tuple[str, str]] = set()
    # the beginning is fixed before the newest events are asked for, so that none is missed in between
    coming = pages(service, topics, start=since or "latest", filters=filters, wait_s=_WAIT_S if follow else 0)
    page = next(coming) if follow or since is not None else None
    if since is None:
        newest = last_events(service, topics, last, filters)
        seen = {event.ref for event in newest}
        yield from newest
    while page is not None:
        for topic, lost in page.lost.items():
            common.output.note(f"{counted(lost, 'event')} of {topic} deleted by retention before")
        yield from (event for event in page.events if event.ref not in seen)
        page = next(coming) if follow or page.more else None
