"""The records with which a `with` block captures or mutes a signal's sends, for tests."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Capture", "Captured"]


@dataclass(frozen=True)
class Captured:
    """A captured send."""

    #: The sender.
    sender: object
    #: The positional arguments.
    arguments: tuple[object, ...]
    #: The named arguments.
    named: dict[str, object]


@dataclass(frozen=True, eq=False)
class Capture:
    """One block's request to capture or mute a signal's sends."""

    #: The signal, compared by identity.
    signal: object
    #: The list that captured sends are added to; None to mute the signal.
    sink: list[Captured] | None
