"""``pubsub rm``."""

from __future__ import annotations

import click

from pubsubclient.cli.asking import YES, confirm
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.reads import state
from pubsubclient.cli.removing import remove
from pubsubclient.cli.text import counted
from pubsubclient.cli.values import NAME_OF_KIND

__all__ = ["command"]


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(["subscriber", "publisher"]))
@click.argument("name", type=NAME_OF_KIND)
@click.option("--force", is_flag=True, help="Drop dead letters that no topic takes.")
@YES
@pass_common
def command(common: Common, kind: str, name: str, *, force: bool, yes: bool) -> None:
    """Remove a subscriber or publisher. A subscriber's dead letters are published first; its other events are dropped."""
    transport = common.transport()
    body = state(transport, kind, name)
    dropped = body.get("unsettled", 0) + body.get("delayed", 0) + body.get("backlog", 0)
    what = f" It would drop {counted(dropped, 'event')}." if dropped else ""
    confirm(common, f"Remove the {kind} {name}?{what}", yes=yes)
    remove(transport, kind, name, force=force)
    if common.output.json:
        common.output.record({kind: name, "removed": True})
    else:
        common.output.line(f"{kind} {name} is removed")
