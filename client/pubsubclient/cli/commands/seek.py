"""``pubsub seek``."""

from __future__ import annotations

from typing import Any

import click

from pubsubclient.cli.asking import YES, confirm
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.reads import state
from pubsubclient.cli.values import POSITION, SUBSCRIBER, TOPIC

__all__ = ["command"]


@click.command(cls=Command)
@click.argument("subscriber", type=SUBSCRIBER)
@click.argument("topic", type=TOPIC)
@click.argument("place", type=POSITION)
@YES
@pass_common
def command(common: Common, subscriber: str, topic: str, place: Any, *, yes: bool) -> None:
    """Move SUBSCRIBER's subscription to TOPIC to PLACE: earliest, latest, a time, how long ago (10m), or a position.

    What is leased, due or delayed there is dropped.
    """
    from pubsubclient._subscribe.arguments import change, check_position  # noqa: PLC0415 - `--help` needs no requests

    transport = common.transport()
    position = check_position("PLACE", place, topic)
    before = state(transport, "subscriber", subscriber)
    dropped = before.get("unsettled", 0) + before.get("delayed", 0)
    confirm(
        common, f"Move {subscriber} in {topic}? Of its {dropped} unsettled events, those there are dropped.", yes=yes
    )
    change(transport, "POST", {"subscriber": subscriber, "topic": topic, "seek": position, "create": False})
    if common.output.json:
        common.output.record({"subscriber": subscriber, "topic": topic, "seek": position})
    else:
        common.output.line(f"{subscriber} goes on in {topic} from {position}")
