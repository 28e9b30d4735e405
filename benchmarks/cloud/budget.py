"""The bounds of a run in a real project."""

from __future__ import annotations

import time

from benchmarks.service.prices import dollars

__all__ = ["Budget", "BudgetError"]


class BudgetError(Exception):
    """A bound of the run is reached, or what is to be measured cannot be."""


class Budget:
    """Dollars, counted before each operation by the dearest reading of the price list; and minutes."""

    def __init__(self, most_dollars: float, minutes: float) -> None:
        self._most = most_dollars
        self._until_s = time.monotonic() + 60 * minutes
        #: what all operations so far may have cost, $
        self.spent = 0.0

    def spend(self, *, reads: int = 0, writes: int = 0, deletes: int = 0) -> None:
        """Count operations that are about to be done. Raises BudgetError if they would exceed a bound."""
        more = dollars(reads=reads, writes=writes, deletes=deletes)
        if self.spent + more > self._most:
            raise BudgetError(f"this may cost more than ${self._most}")
        if time.monotonic() > self._until_s:
            raise BudgetError("the time is up")
        self.spent += more

    def sleep(self, seconds: float) -> None:
        """Wait. Raises BudgetError if that would exceed the time."""
        if time.monotonic() + seconds > self._until_s:
            raise BudgetError("the time is up")
        time.sleep(seconds)
