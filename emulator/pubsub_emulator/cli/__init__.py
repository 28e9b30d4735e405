"""The command line: `pubsub`, its subcommands, their signal handlers, and the choice of a store."""

from pubsub_emulator.cli.commands import main

__all__ = ["main"]
