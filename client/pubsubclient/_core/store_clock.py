"""What this process knows of the store's time, and the tokens made from it."""

from __future__ import annotations

import secrets
import time

__all__ = ["StoreClock"]

#: a local clock may run this much fast against the store's; time since an answer counts for less accordingly
_PACE = 0.99
#: a store time so far behind the bound means that the store's clock was set back, µs; the service takes tokens 2 s ahead
_STEP_US = 2_000_000


class StoreClock:
    """A lower bound of the store's time, learned from answers and moved on by the local monotonic clock.

    It must never be ahead: a `since` that is too new would let a publish that is tried again be stored
    twice, one that is too old costs a few reads. The wall clock plays no part. No lock is needed: a lost race
    leaves an older bound, which is as true.

    A store whose clock is set back (a laptop's) leaves the bound ahead. So an answer that is far behind it counts: at worst
    it was long on its way, and the bound is older than it need be.
    """

    def __init__(self) -> None:
        #: a store time in µs, and the monotonic time in seconds at which it had passed
        self._known: tuple[int, float] | None = None
        self._last_token_us = 0

    def observe(self, store_time_us: int) -> None:
        """Take note of a time that the store has passed, µs."""
        now = self.now_us()
        # An answer may report a time a second behind the store's: the bound known already can be better.
        if now is None or store_time_us > now or now - store_time_us > _STEP_US:
            self._known = (store_time_us, time.monotonic())

    def now_us(self) -> int | None:
        """A time that the store has passed by now, µs; None before the first answer."""
        known = self._known
        if known is None:
            return None
        store_time_us, at = known
        return store_time_us + int(_PACE * 1_000_000 * (time.monotonic() - at))

    def is_behind(self, token: str) -> bool:
        """Whether a token that was made before is ahead of what is known of the store's time now."""
        now = self.now_us()
        return now is not None and int(token.partition("-")[0]) > now + _STEP_US

    def forget_tokens(self) -> None:
        """The service refused a token as ahead of its time: the next one need not be above those made before."""
        self._last_token_us = 0

    def token(self) -> str | None:
        """A new token for a lease or a change of subscription; None before the first answer.

        Tokens of one process rise, because the service takes an older one for an older wish.
        """
        now = self.now_us()
        if now is None:
            return None
        self._last_token_us = max(now, self._last_token_us + 1)
        return f"{self._last_token_us}-{secrets.token_hex(8)}"
