"""The steps of a redrive, and the tokens that name them.

A redrive takes as many calls as its dead letters need. Each call is a step. The token of a step names the redrive and counts
its steps, and so do the lease tokens that the step makes. So a call tells what earlier steps passed over, which stays leased,
from what an interrupted call or another redrive left behind, which is released and read again.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import NamedTuple

from pubsubservice.subscribers.tokens import AHEAD_US, token_time

__all__ = ["Step"]

_STEP = re.compile(r"([0-9]+-[0-9a-f]{16})_s([0-9]{1,6})")
_LEASE = re.compile(r"[0-9]+-r([0-9a-f]{16})_([0-9]{1,6})_[0-9a-f]+")


class Step(NamedTuple):
    """One step of a redrive."""

    #: store time at which the redrive began, and a hash: the same in all of its steps
    redrive: str
    #: from 0
    number: int

    @classmethod
    def of(cls, token: str) -> Step:
        """Return the step that a token names: the first one of a new redrive, unless an earlier step made the token."""
        found = _STEP.fullmatch(token)
        return cls(found[1], int(found[2])) if found else cls(f"{token_time(token)}-{_hash(token)}", 0)

    @property
    def until(self) -> int:
        """Store time up to which dead letters are redriven, µs: else a redrive of events that fail at once would never end.

        It is a little after the redrive began, because read times lag behind commit times.
        """
        return token_time(self.redrive) + AHEAD_US

    @property
    def next_token(self) -> str:
        """The token of the step after this one."""
        return f"{self.redrive}_s{self.number + 1}"

    def new_lease(self, now: int, random: float) -> str:
        """Make the token of a lease; `now` is the store's time in µs, `random` is in [0, 1)."""
        return f"{now}-r{_hash(self.redrive)}_{self.number}_{int(random * 2**52):013x}"

    def is_earlier(self, lease: str) -> bool:
        """Whether an earlier step of this redrive made a lease."""
        found = _LEASE.fullmatch(lease)
        return found is not None and found[1] == _hash(self.redrive) and int(found[2]) < self.number


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
