"""``pubsub worker``: the same as ``python -m pubsubclient.worker``, which parses its own arguments."""

from __future__ import annotations

import os

import click

from pubsubclient.cli.common import Command, Common, pass_common

__all__ = ["command"]


@click.command(
    cls=Command,
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
    epilog="`pubsub worker --help` lists its options, which are those of `python -m pubsubclient.worker`.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@pass_common
def command(common: Common, arguments: tuple[str, ...]) -> int:
    """Run the handlers of an app, such as `shop.app:app`."""
    from pubsubclient._http.config import SETTING, TOKEN_SETTING  # noqa: PLC0415 - it imports requests
    from pubsubclient._worker.command import run  # noqa: PLC0415 - it imports the app's room

    # the processes that it starts find them there too
    os.environ.update(
        {name: value for name, value in ((SETTING, common.service), (TOKEN_SETTING, common.token)) if value}
    )
    return run(arguments, "pubsub worker")
