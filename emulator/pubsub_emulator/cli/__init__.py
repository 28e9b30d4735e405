"""`pubsub emulator`, `exec` and `token`: their options, the signals that end them, and the store that the options name.

The command `pubsub` itself is in `pubsubclient.cli`, which imports these on use. May import every room of the emulator; only
`__main__` imports this one. Begin with `emulator` (the options), then `serve`.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command `pubsub`; scripts that were installed before call it here."""
    from pubsubclient.cli import main as pubsub  # noqa: PLC0415 - not while it catches the first signals

    return pubsub(arguments)
