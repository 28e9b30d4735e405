"""``pubsub cost``: what the calls of an emulator would have cost in the cloud."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import click

from pubsubclient._core.attributes import parse_time
from pubsubclient._core.errors import ServiceError
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.failures import REFUSED, CommandError
from pubsubclient.cli.text import counted
from pubsubclient.cli.values import MOMENT

__all__ = ["command"]

_HEADS = ["FUNCTION", "CALLS", "PROBLEMS", "READS", "WRITES", "DELETES", "MS", "$"]
_COUNTS = ("calls", "problems", "reads", "writes", "deletes", "ms")


@click.command(cls=Command, epilog="The prices are Firestore's list prices. Free daily operations are not taken off.")
@click.option("--since", type=MOMENT, metavar="TIME", help="Of the last 200 calls, those since then: 1h, or a time.")
@pass_common
def command(common: Common, since: datetime | None) -> None:
    """Show what the emulator's calls would have cost, by function: since its start, or since a time."""
    meter = _meter(common)
    calls = (
        meter["calls"]
        if since is None
        else _sums(each for each in meter["recent"] if parse_time(each["time"]) >= since)
    )
    rows = {
        name: {**{count: each[count] for count in _COUNTS}, "dollars": _dollars(each)} for name, each in calls.items()
    }
    if common.output.json:
        common.output.record({"since": meter["since"] if since is None else since.isoformat(), "calls": rows})
        return
    if rows:
        total = {count: sum(row[count] for row in rows.values()) for count in (*_COUNTS, "dollars")}
        shown = {**dict(sorted(rows.items())), "all": total}
        common.output.table(_HEADS, [[name, *_cells(row)] for name, row in shown.items()])
    if since is not None and len(meter["recent"]) == len(
        [each for each in meter["recent"] if parse_time(each["time"]) >= since]
    ):
        common.output.note(f"the emulator remembers {counted(len(meter['recent']), 'call')}; there may have been more")


def _meter(common: Common) -> dict[str, Any]:
    from pubsubclient._http.service import Service  # noqa: PLC0415
    from pubsubclient._http.transport import Transport  # noqa: PLC0415 - it imports requests

    service = common.chosen_service()
    base = service.urls["register"].removesuffix("/register")
    # /meter is no function, so it takes the place of one
    meter = Service({**service.urls, "register": f"{base}/meter"}, adapter=service.adapter, deadline_s=common.timeout)
    try:
        return Transport.to(meter).call("register", None, method="GET").body
    except ServiceError as error:
        if error.status not in {404, 405}:
            raise
        detail = f"{base} has no meter: only an emulator has one."
        raise CommandError(detail, code="no_meter", exit_code=REFUSED, status=error.status) from error


def _sums(calls: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    sums: dict[str, dict[str, Any]] = {}
    for each in calls:
        row = sums.setdefault(each["function"], dict.fromkeys(_COUNTS, 0))
        one = {"calls": 1, "problems": int(each["status"] >= 400)}
        for count in _COUNTS:
            row[count] = round(row[count] + one.get(count, each.get(count, 0)), 3)
    return sums


def _dollars(row: Mapping[str, Any]) -> float:
    from pubsubclient.cli.costs import Operations  # noqa: PLC0415

    return round(Operations(row["reads"], row["writes"], row["deletes"]).dollars, 7)


def _cells(row: Mapping[str, Any]) -> list[str]:
    counts = [f"{row[count]:.0f}" for count in _COUNTS]
    return [*counts, f"{row['dollars']:.7f}".rstrip("0").rstrip(".")]
