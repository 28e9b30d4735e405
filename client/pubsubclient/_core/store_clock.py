"""An estimate of the store's time, and the tokens made from it."""

from __future__ import annotations

import secrets

from pubsubclient._core.clock import SYSTEM_CLOCK, Clock

__all__ = ["StoreClock"]

#: the local clock may run up to 1 % faster than the store's, so time that passed locally counts for less
_PACE = 0.99
#: a store time this far behind the estimate means that the store's clock was set back, µs. The service accepts tokens that
#: are up to 2 s ahead of its time
_STEP_US = 2_000_000


class StoreClock:
    """A lower bound of the store's time, learned from responses and advanced by the local monotonic clock.

    The bound must never be ahead of the store: a `since` that is too new would let a repeated publish be stored twice. One
    that is too old costs only a few reads. The local wall clock is not used. No lock is necessary: a lost race leaves an older
    bound, which is valid too.

    If the store's clock is set back (as on a laptop), the bound is ahead. Therefore a response far behind the bound replaces
    it. At worst that response was merely late, and the bound is older than necessary.

    Args:
        clock: the local clock
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        #: a store time, µs, and a monotonic time in seconds when the store had passed it
        self._observed: tuple[int, float] | None = None
        self._last_token_us = 0

    def observe(self, store_time_us: int) -> None:
        """Learn a time that the store has passed, µs."""
        now = self.now_us()
        # A response may report a time one second behind the store's, so the present bound may be better.
        if now is None or store_time_us > now or now - store_time_us > _STEP_US:
            self._observed = (store_time_us, self._clock.monotonic())

    def now_us(self) -> int | None:
        """Return a time that the store has passed by now, µs; None before the first response."""
        observed = self._observed
        if observed is None:
            return None
        store_time_us, observed_at_s = observed
        return store_time_us + int(_PACE * 1_000_000 * (self._clock.monotonic() - observed_at_s))

    def is_behind(self, token: str) -> bool:
        """Whether the clock is now behind the time in an earlier token, by more than the service accepts."""
        now = self.now_us()
        return now is not None and int(token.partition("-")[0]) > now + _STEP_US

    def refused(self, store_time_us: int | None) -> None:
        """The service refused a token, perhaps as ahead of its time: let the next one be older than earlier ones.

        The estimate goes back to the time in the refusal. While the store's clock stands, the estimate runs ahead of it for
        two seconds before `observe` takes that for a clock that was set back; and so do the tokens made meanwhile.
        """
        self._last_token_us = 0
        if store_time_us is not None:
            self._observed = (store_time_us, self._clock.monotonic())

    def token(self) -> str | None:
        """Make a token for a lease or a change of a subscription; None before the first response.

        The tokens of one process increase, because the service orders requests by their tokens and ignores older ones.
        """
        now = self.now_us()
        if now is None:
            return None
        self._last_token_us = max(now, self._last_token_us + 1)
        return f"{self._last_token_us}-{secrets.token_hex(8)}"
