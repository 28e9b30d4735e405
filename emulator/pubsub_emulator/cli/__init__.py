"""The command line: `pubsub` and its subcommands, signals that end it, and the store that its options name."""

from pubsub_emulator.cli.commands import main

__all__ = ["main"]
