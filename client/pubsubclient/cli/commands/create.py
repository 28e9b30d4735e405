"""``pubsub create topic``."""

from __future__ import annotations

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.failures import REFUSED, CommandError
from pubsubclient.cli.reads import state
from pubsubclient.cli.text import words
from pubsubclient.cli.values import DURATION, TOPIC

__all__ = ["command"]


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(["topic"]), metavar="topic")
@click.argument("name", type=TOPIC)
@click.option(
    "--partitions", type=click.IntRange(1, 1_000), metavar="N", help="Number of logs, fixed from then on (1)."
)
@click.option("--retention", type=DURATION, metavar="TIME", help="Keep events at least this long, from 10m (7d).")
@click.option("--update", is_flag=True, help="Change the retention of a topic that exists.")
@pass_common
def command(
    common: Common, kind: str, name: str, partitions: int | None, retention: float | None, *, update: bool
) -> None:
    """Create the topic NAME, or find it there with the same settings."""
    from pubsubclient import Conflict, Topic  # noqa: PLC0415 - `--help` needs no requests

    service = common.chosen_service()
    # a number of partitions makes the constructor ask the service; a topic that exists says which it has
    try:
        Topic(name, partitions, retention, update=update, service=service)
    except Conflict as error:
        hint = "Change its retention with --update." if error.code == "settings_differ" else "Partitions are fixed."
        detail = f"{error.detail.partition('; pass')[0].rstrip('.')}. {hint}"
        raise CommandError(detail, code=error.code, exit_code=REFUSED, status=error.status) from error
    transport = common.transport()
    if partitions is None and retention is None:
        transport.call("register", {"topic": name})
    body = state(transport, kind, name)
    if common.output.json:
        common.output.record(body)
    else:
        count = body["partitions"]
        kept = words(body["retention_s"])
        common.output.line(f"topic {name}: {count} partition{'s' if count > 1 else ''}, events are kept for {kept}")
