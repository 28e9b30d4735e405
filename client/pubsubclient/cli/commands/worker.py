"""``pubsub worker``: the same as ``python -m pubsubclient.worker``, which parses its own arguments."""

from __future__ import annotations

import click

from pubsubclient.cli.common import Command

__all__ = ["command"]


@click.command(
    cls=Command,
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
    epilog="`pubsub worker --help` lists its options, which are those of `python -m pubsubclient.worker`.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Run the handlers of an app, such as `shop.app:app`."""
    from pubsubclient.worker import main  # noqa: PLC0415 - it imports the app's room

    code: int = main(list(arguments), prog="pubsub worker")
    return code
