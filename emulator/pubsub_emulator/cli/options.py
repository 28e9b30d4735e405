"""Options that `pubsub emulator` and `pubsub exec` share, and what they choose."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

__all__ = ["SEED", "StoreOptions", "firestore_option"]


class StoreOptions(NamedTuple):
    """Where events are kept; at most one of these is set, and none means the default."""

    data_dir: Path | None = None
    ephemeral: bool = False
    #: ``google`` or HOST:PORT
    firestore: str | None = None

    def check(self) -> None:
        """Raise UsageError if several are set."""
        names = ["--data-dir", "--ephemeral", "--firestore"]
        given = [name for name, value in zip(names, self, strict=True) if value]
        if len(given) > 1:
            raise click.UsageError(f"{given[1]} is not allowed with {given[0]}.")


def firestore_option(more: str = "") -> click.Option:
    """Return the option --firestore."""
    text = f"Keep events in a Firestore emulator: start Google's, or use the one at HOST:PORT{more}."
    return click.Option(["--firestore"], metavar="google|HOST:PORT", help=text)


SEED = click.option(
    "--seed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Create the topics, subscriptions and events of this YAML or JSON file first.",
)
