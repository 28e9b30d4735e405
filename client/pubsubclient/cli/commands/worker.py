"""``pubsub worker``: the same as ``python -m pubsubclient.worker``, which parses its own arguments."""

from __future__ import annotations

import click

from pubsubclient.cli.common import Command

__all__ = ["command"]


@click.command(
    cls=Command,
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Run an app's handlers."""
    from pubsubclient.worker import main  # noqa: PLC0415 - it imports the app's room

    code: int = main(list(arguments))
    return code
