"""``pubsub exec``: its options."""

from __future__ import annotations

from pathlib import Path

import click

from pubsub_emulator.cli.options import SEED, StoreOptions, firestore_option
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.extras import import_with_extra

__all__ = ["command"]


@click.command(
    cls=Command,
    options_metavar="[OPTIONS] -- COMMAND ...",
    epilog="Signals are forwarded to the command. The exit code is the command's; 128 + N if signal N ended it; 127 if the "
    "command was not found, 126 if it could not be run, 125 if the emulator could not start.",
)
@SEED
@pass_common
def command(common: Common, firestore: str | None, seed: Path | None) -> int:
    """Run a command with its own ephemeral emulator.

    The emulator's address is in the command's environment, as PUBLISH_SUBSCRIBE_SERVICE, where the SDK reads it. The emulator
    ends with the command, and its events are deleted, except in a Firestore emulator at HOST:PORT.
    """
    if not common.user_command:
        raise click.UsageError("a command is expected after --: pubsub exec -- COMMAND.")
    beside = import_with_extra("pubsub_emulator.cli.beside_emulator", "emulator")
    store = StoreOptions(ephemeral=firestore is None, firestore=firestore)
    code: int = beside.run(store, seed, common.user_command, common.signals)
    return code


command.params.insert(0, firestore_option())
