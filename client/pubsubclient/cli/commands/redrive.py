"""``pubsub redrive``: dead letters are published again, for their subscriber alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from pubsubclient.cli.asking import YES, confirm
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.failures import PARTLY, REFUSED, CommandError
from pubsubclient.cli.text import counted
from pubsubclient.cli.values import FILTERS, REGEX, SUBSCRIBER, TOPIC

if TYPE_CHECKING:
    from pubsubclient._http.transport import Transport

__all__ = ["command"]

#: ids of one request: a filter has at most 100 comparisons
_IDS = 90


@click.command(cls=Command)
@click.argument("subscriber", type=SUBSCRIBER)
@click.argument("topic", type=TOPIC, default=">")
@click.option(
    "--filter", "filters", type=FILTERS, metavar="JSON", help='Only these: {"exact": {"type": "order.placed"}}.'
)
@click.option("--reason", type=REGEX, metavar="REGEX", help="Only those whose reason matches.")
@click.option("--max", "most", type=click.IntRange(min=1), metavar="N", help="At most the N oldest.")
@click.option("--dry-run", is_flag=True, help="Only say how many there are.")
@YES
@pass_common
def command(
    common: Common, subscriber: str, topic: str, filters: Sequence[Mapping[str, Any]] | None, reason: re.Pattern[str] | None,
    most: int | None, *, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Publish SUBSCRIBER's dead letters again, for it alone: all, or those of events of TOPIC, a name or a pattern."""
    from pubsubclient.cli.letters import letters  # noqa: PLC0415 - it imports requests

    transport = common.transport()
    open_letters = (letter for letter in letters(transport, subscriber, topic, filters or ()) if not letter.redriven)
    ids = [letter.event.id for letter in open_letters if reason is None or reason.search(letter.reason)][:most]
    if not dry_run and ids:
        confirm(common, f"Publish {counted(len(ids), 'dead letter')} of {subscriber} again?", yes=yes)
    redriven, refused = 0, []
    # one request for all, or one for so many ids as a filter takes, if not all are wanted
    chosen = reason is not None or most is not None
    for step in (
        _steps(transport, subscriber, topic, _parts(ids, filters or (), chosen=chosen)) if ids and not dry_run else ()
    ):
        redriven += step["redriven"]
        refused += step.get("refused", [])
        common.output.progress(f"{redriven} of {len(ids)} redriven")
    _say(common, {"would_redrive": len(ids)} if dry_run else {"redriven": redriven}, refused)


def _parts(
    ids: Sequence[str], filters: Sequence[Mapping[str, Any]], *, chosen: bool
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Yield the filters of each request."""
    if not chosen:
        yield filters
        return
    for first in range(0, len(ids), _IDS):
        yield [{"any": [{"exact": {"id": each}} for each in ids[first : first + _IDS]]}]


def _steps(
    transport: Transport, subscriber: str, topic: str, parts: Iterator[Sequence[Mapping[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Yield the responses; a request is repeated with its token until there are no more. Raises ServiceError, Unavailable."""
    for filters in parts:
        token: str | None = None
        while True:
            body: dict[str, Any] = {"subscriber": subscriber, "topic": topic, "redrive": {"filters": filters}}
            step = transport.call("subscribe", {**body, "token": token} if token else body).body
            yield step
            if not step["more"]:
                break
            token = step["token"]


def _say(common: Common, counts: dict[str, int], refused: list[dict[str, Any]]) -> None:
    common.output.clear_progress()
    if common.output.json:
        common.output.record({**counts, **({"refused": refused} if refused else {})})
    else:
        common.output.line(", ".join(f"{counted(count, 'event')} {_WORDS[what]}" for what, count in counts.items()))
    if refused:
        events = sum(each["events"] for each in refused)
        detail = (
            f"{counted(events, 'event')} refused; the dead letters stay. {refused[0]['topic']}: {refused[0]['detail']}"
        )
        raise CommandError(detail, code=refused[0]["code"], exit_code=PARTLY if counts["redriven"] else REFUSED)


_WORDS = {"redriven": "redriven", "would_redrive": "would be redriven"}
