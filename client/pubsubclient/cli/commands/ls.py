"""``pubsub ls``: names, and how each of them is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import click

from pubsubclient._core.errors import Forbidden, NotFound
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.listing import HEADS, ROWS, Rates
from pubsubclient.cli.reads import names, state
from pubsubclient.cli.values import DURATION

__all__ = ["command"]

_KINDS = {"topics": "topic", "subscribers": "subscriber", "publishers": "publisher"}


@click.command(
    cls=Command,
    epilog="EVENTS are those that a topic keeps; NEWEST is the age of the newest one. BACKLOG counts what a subscriber has "
    "not read, before filters; OLDEST is the age of its oldest event that is unread, leased or due. LEASED events are with a "
    "consumer, DUE ones failed and come again, DELAYED ones wait for their time, DEAD ones failed for the last time and are "
    "not yet in a dead-letter topic. The names `S.redrive` are made when the dead letters of a subscriber S are redriven.",
)
@click.argument("kind", type=click.Choice(list(_KINDS)), required=False)
@click.argument("pattern", required=False)
@click.option("--names", "only_names", is_flag=True, help="Names alone, which costs fewer reads.")
@click.option("--watch", type=DURATION, metavar="TIME", help="List again after this time, until Ctrl-C; with rates.")
@pass_common
def command(common: Common, kind: str | None, pattern: str | None, watch: float | None, *, only_names: bool) -> None:
    """List names of a KIND, or of all, that match PATTERN, for instance 'orders*'."""
    rates = Rates()
    while True:
        for each in [_KINDS[kind]] if kind else _KINDS.values():
            if only_names or each == "publisher":
                bodies: list[Mapping[str, Any]] = [{each: name} for name in _names(common, each, pattern)]
            else:
                bodies = list(_states(common, each, pattern))
            if only_names:
                _show_names(common, each, bodies)
            else:
                _show(common, each, bodies, rates, titled=kind is None)
        if watch is None:
            return
        time.sleep(watch)
        common.output.line()


def _names(common: Common, kind: str, pattern: str | None) -> Iterator[str]:
    return (name for name in names(common.transport(), kind) if fnmatchcase(name, pattern or "*"))


def _show_names(common: Common, kind: str, bodies: list[Mapping[str, Any]]) -> None:
    for body in bodies:
        if common.output.json:
            common.output.record(body)
        else:
            common.output.line(body[kind])


def _states(common: Common, kind: str, pattern: str | None) -> Iterator[Mapping[str, Any]]:
    """Yield descriptions: of all names in pages; of those that match a pattern one by one, which costs less."""
    from pubsubclient import subscribers, topics  # noqa: PLC0415 - `--help` needs no requests

    service = common.chosen_service()
    if pattern is None:
        yield from (each.raw for each in (topics if kind == "topic" else subscribers)(service=service))
        return
    for number, name in enumerate(_names(common, kind, pattern), 1):
        common.output.progress(f"{number} {kind}s")
        try:
            yield state(common.transport(), kind, name)
        except (NotFound, Forbidden):  # it was removed since, or belongs to somebody else
            continue


def _show(common: Common, kind: str, bodies: list[Mapping[str, Any]], rates: Rates, *, titled: bool) -> None:
    if common.output.json:
        for body in bodies:
            common.output.record(body)
        return
    if bodies:
        common.output.table(HEADS[kind], [ROWS[kind](body, rates) for body in bodies])
    else:
        common.output.note(f"no {kind}s")
    if titled and kind != "publisher":
        common.output.line()
