"""``pubsub subscribe``."""

from __future__ import annotations

from typing import Any

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.values import DURATION, FILTERS, POSITION, SUBSCRIBER, TOPIC

__all__ = ["command"]


@click.command(cls=Command)
@click.argument("subscriber", type=SUBSCRIBER)
@click.argument("topics", type=TOPIC, nargs=-1, required=True)
@click.option(
    "--start", type=POSITION, metavar="PLACE", help="earliest (default), latest, a time, or how long ago: 10m."
)
@click.option("--filters", type=FILTERS, metavar="JSON", help='Only these events: [{"prefix": {"type": "order."}}].')
@click.option("--ack-deadline", type=DURATION, metavar="TIME", help="Deliver again what stays unsettled so long (30s).")
@click.option("--max-attempts", type=int, metavar="N", help="Deliveries before an event becomes a dead letter (5).")
@click.option("--backoff", type=DURATION, metavar="TIME", help="Delay after the first failure; it doubles (10s).")
@click.option("--dead-letter-topic", type=TOPIC, metavar="TOPIC", help="Where dead letters go (SUBSCRIBER.dead).")
@click.option("--ordered/--not-ordered", default=None, help="Deliver nothing newer while something older is unsettled.")
@pass_common
def command(common: Common, subscriber: str, topics: tuple[str, ...], **settings: Any) -> None:
    """Subscribe SUBSCRIBER to TOPICS, names or patterns such as 'orders.*'. Changes the settings that are given."""
    from pubsubclient import Subscriber  # noqa: PLC0415 - `--help` needs no requests

    registered = Subscriber(subscriber, service=common.chosen_service())
    for topic in topics:
        registered.subscribe(topic, **settings)
    if common.output.json:
        common.output.record({"subscriber": subscriber, "subscribed": list(topics)})
    else:
        common.output.line(f"{subscriber} subscribes to {', '.join(topics)}")
