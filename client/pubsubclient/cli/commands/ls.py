"""``pubsub ls``: names, and how each of them is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from pubsubclient._core.attributes import parse_time
from pubsubclient._core.errors import Forbidden, NotFound
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.reads import names, state
from pubsubclient.cli.text import ago, words
from pubsubclient.cli.values import DURATION

if TYPE_CHECKING:
    from pubsubclient._http.transport import Transport

__all__ = ["command"]

_KINDS = {"topics": "topic", "subscribers": "subscriber", "publishers": "publisher"}
_HEADS = {
    "topic": ["TOPIC", "PARTITIONS", "RETENTION", "EVENTS", "NEWEST"],
    "subscriber": ["SUBSCRIBER", "TOPICS", "BACKLOG", "OLDEST", "LEASED", "DUE", "DELAYED", "DEAD"],
    "publisher": ["PUBLISHER"],
}


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(list(_KINDS)), required=False)
@click.argument("pattern", required=False)
@click.option("--names", "only_names", is_flag=True, help="Names alone, which costs fewer reads.")
@click.option("--watch", type=DURATION, metavar="TIME", help="List again after this time, until Ctrl-C; with rates.")
@pass_common
def command(common: Common, kind: str | None, pattern: str | None, watch: float | None, *, only_names: bool) -> None:
    """List names of a KIND, or of all, that match PATTERN, for instance 'orders*'."""
    transport = common.transport()
    before: dict[str, tuple[float, int]] = {}
    while True:
        for each in [_KINDS[kind]] if kind else _KINDS.values():
            found = [name for name in names(transport, each) if fnmatchcase(name, pattern or "*")]
            if only_names:
                _show_names(common, each, found)
            else:
                _show(common, each, list(_states(common, transport, each, found)), before, titled=kind is None)
        if watch is None:
            return
        time.sleep(watch)
        common.output.line()


def _show_names(common: Common, kind: str, found: list[str]) -> None:
    for name in found:
        if common.output.json:
            common.output.record({kind: name})
        else:
            common.output.line(name)


def _states(common: Common, transport: Transport, kind: str, found: list[str]) -> Iterator[dict[str, Any]]:
    for number, name in enumerate(found, 1):
        common.output.progress(f"{number} of {len(found)} {kind}s")
        try:
            yield {kind: name} if kind == "publisher" else state(transport, kind, name)
        except (NotFound, Forbidden):  # it was removed since, or belongs to somebody else
            continue
    common.output.clear_progress()


def _show(
    common: Common, kind: str, bodies: list[dict[str, Any]], before: dict[str, tuple[float, int]], *, titled: bool
) -> None:
    if common.output.json:
        for body in bodies:
            common.output.record(body)
        return
    if bodies:
        common.output.table(_HEADS[kind], [_ROWS[kind](body, before) for body in bodies])
    else:
        common.output.note(f"no {kind}s")
    if titled and kind != "publisher":
        common.output.line()


def _topic(body: Mapping[str, Any], before: dict[str, tuple[float, int]]) -> list[str]:
    logs = body.get("logs") or []
    newest = max((parse_time(log["newest"]) for log in logs if log.get("newest")), default=None)
    name = body["topic"] + (" (dead letters)" if body.get("dead_letter") else "")
    events = str(body.get("events", "-")) + _rate(body["topic"], logs, before)
    return [name, str(body["partitions"]), words(body["retention_s"]), events, ago(newest, datetime.now(timezone.utc))]


def _rate(topic: str, logs: list[Mapping[str, Any]], before: dict[str, tuple[float, int]]) -> str:
    """The events per second since the last list."""
    if not logs:
        return ""
    now, ever = time.monotonic(), sum(int(log["next"].rpartition("-")[2]) for log in logs)
    then, had = before.get(topic, (now, ever))
    before[topic] = now, ever
    return f" (+{(ever - had) / (now - then):.1f}/s)" if now > then else ""


def _subscriber(body: Mapping[str, Any], _: object) -> list[str]:
    counts = [str(body.get(each, 0)) for each in ("due", "delayed", "dead")]
    leased = str(max(0, body.get("unsettled", 0) - body.get("due", 0)))
    topics, backlog = str(len(body["subscriptions"])), str(body.get("backlog", 0))
    return [body["subscriber"], topics, backlog, words(body.get("oldest_unsettled_age_s")), leased, *counts]


def _publisher(body: Mapping[str, Any], _: object) -> list[str]:
    return [body["publisher"]]


_ROWS: dict[str, Callable[[Mapping[str, Any], dict[str, tuple[float, int]]], list[str]]] = {
    "topic": _topic, "subscriber": _subscriber, "publisher": _publisher,
}  # fmt: skip
