"""The command line: `pubsub` and its subcommands, the signals that end them, and the store that the options name.

May import every room of the emulator; only `__main__` imports this one. Begin with `commands` (the options), then `emulator`.
"""

from pubsub_emulator.cli.commands import main

__all__ = ["main"]
