"""``pubsub unsubscribe``."""

from __future__ import annotations

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.failures import UNKNOWN, CommandError
from pubsubclient.cli.reads import state
from pubsubclient.cli.values import SUBSCRIBER, TOPIC

__all__ = ["command"]


@click.command(cls=Command)
@click.argument("subscriber", type=SUBSCRIBER)
@click.argument("topics", type=TOPIC, nargs=-1, required=True)
@pass_common
def command(common: Common, subscriber: str, topics: tuple[str, ...]) -> None:
    """End SUBSCRIBER's subscriptions to TOPICS. Their unsettled events are not delivered again."""
    from pubsubclient._subscribe.arguments import change  # noqa: PLC0415 - `--help` needs no requests

    transport = common.transport()
    there = {
        each["topic"] for each in state(transport, "subscriber", subscriber)["subscriptions"] if not each.get("via")
    }
    missing = sorted(set(topics) - there)
    if missing:
        detail = f"{subscriber} has no subscription to {', '.join(missing)}; nothing was changed."
        raise CommandError(detail, code="unknown_subscription", exit_code=UNKNOWN)
    for topic in topics:
        change(transport, "DELETE", {"subscriber": subscriber, "topic": topic})
    if common.output.json:
        common.output.record({"subscriber": subscriber, "unsubscribed": list(topics)})
    else:
        common.output.line(f"{subscriber} no longer subscribes to {', '.join(topics)}")
