"""What this process knows of the store's time, and the tokens made from it."""

from __future__ import annotations

import secrets
import time

__all__ = ["StoreClock"]

#: a local clock may run this much fast against the store's; time since an answer counts for less accordingly
_PACE = 0.99


class StoreClock:
    """A lower bound of the store's time, learned from answers and moved on by the local monotonic clock.

    It must never be ahead: a `since` that is too new would let a publish that is tried again be stored
    twice, one that is too old costs a few reads. The wall clock plays no part. No lock is needed: a lost race
    leaves an older bound, which is as true.
    """

    def __init__(self) -> None:
        #: a store time in µs, and the monotonic time in seconds at which it had passed
        self._known: tuple[int, float] | None = None
        self._last_token_us = 0

    def observe(self, store_time_us: int) -> None:
        """Take note of a time that the store has passed, µs."""
        now = self.now_us()
        # An answer may report a time a second behind the store's: the bound known already can be better.
        if now is None or store_time_us > now:
            self._known = (store_time_us, time.monotonic())

    def now_us(self) -> int | None:
        """A time that the store has passed by now, µs; None before the first answer."""
        known = self._known
        if known is None:
            return None
        store_time_us, at = known
        return store_time_us + int(_PACE * 1_000_000 * (time.monotonic() - at))

    def token(self) -> str | None:
        """A new token for a lease or a change of subscription; None before the first answer.

        Tokens of one process rise, because the service takes an older one for an older wish.
        """
        now = self.now_us()
        if now is None:
            return None
        self._last_token_us = max(now, self._last_token_us + 1)
        return f"{self._last_token_us}-{secrets.token_hex(8)}"
