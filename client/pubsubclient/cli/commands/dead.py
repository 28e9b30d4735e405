"""``pubsub dead``: a subscriber's dead letters."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.events import data_of
from pubsubclient.cli.text import ago, one_line, shortened
from pubsubclient.cli.values import SUBSCRIBER, TOPIC

if TYPE_CHECKING:
    from pubsubclient.cli.letters import Letter

__all__ = ["command"]

_HEADS = ["EVENT", "FAILED", "ATTEMPTS", "REASON", "REDRIVEN", "DATA"]
_REASON_WIDTH, _DATA_WIDTH = 40, 40


@click.command(cls=Command, epilog="`pubsub redrive` publishes them again.")
@click.argument("subscriber", type=SUBSCRIBER)
@click.argument("topic", type=TOPIC, required=False)
@click.option("-n", "--last", type=click.IntRange(min=1), default=100, metavar="N", help="At most the N newest (100).")
@pass_common
def command(common: Common, subscriber: str, topic: str | None, last: int) -> None:
    """List the events of SUBSCRIBER that failed for the last time, all or those of TOPIC, a name or a pattern."""
    from pubsubclient.cli.letters import letters  # noqa: PLC0415 - it imports requests

    newest = deque(letters(common.transport(), subscriber, topic), maxlen=last)
    if common.output.json:
        for letter in newest:
            common.output.record({**letter.event.members, "redriven": letter.redriven})
    elif newest:
        common.output.table(_HEADS, [_row(letter) for letter in newest])
    else:
        common.output.note(f"{subscriber} has no dead letters")


def _row(letter: Letter) -> list[str]:
    members = letter.event.members
    # the id of a letter is that of the event: topic/partition/index/number of the death
    return [
        one_line(str(members["id"])),
        ago(letter.event.recordedtime, datetime.now(timezone.utc)),
        str(members.get("attempts", "-")),
        shortened(one_line(letter.reason) or "-", _REASON_WIDTH),
        "yes" if letter.redriven else "no",
        shortened(one_line(data_of(letter.event)), _DATA_WIDTH),
    ]
