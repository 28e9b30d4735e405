"""What a handler can raise to say what becomes of its event, and the outcome of a run, whatever ended it."""
# ruff: noqa: N818 - they are no errors: a handler raises them to decide what becomes of its event

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pubsubclient._core.arguments import Seconds, clean
from pubsubclient._core.errors import InvalidArgument
from pubsubclient._events.lease import check_delay

__all__ = ["Outcome", "Pause", "Reject", "Retry"]


class Retry(Exception):
    """Raised by a handler: the event has failed, and is to be delivered again, with the next attempt.

    Args:
        reason: the cause, for the log and for the dead letter that the event may become; its first 200 characters are kept
        delay: seconds, or a timedelta, before the event is delivered again, 0 to 86,400; by default the subscription's backoff

    Raises:
        InvalidArgument: an argument is of a wrong type or out of its range
    """

    def __init__(self, reason: str = "", *, delay: Seconds | None = None) -> None:
        self.reason = clean("reason", reason)
        #: seconds; None for the subscription's backoff
        self.delay = None if delay is None else check_delay(delay)
        super().__init__(self.reason)


class Reject(Exception):
    """Raised by a handler: the event can never succeed, and is to become a dead letter now, whatever its attempt.

    Args:
        reason: the cause, for the log and for the dead letter; its first 200 characters are kept

    Raises:
        InvalidArgument: the reason is not a string
    """

    def __init__(self, reason: str) -> None:
        self.reason = clean("reason", reason)
        super().__init__(self.reason)


class Pause(Exception):
    """Raised by a handler: something that all events need is down. The event goes back, and has not failed.

    The worker gives back what it holds of this subscriber, and fetches nothing of it for so many seconds.

    Args:
        seconds: how long, above 0 to 86,400; a number or a timedelta
        reason: the cause, for the log

    Raises:
        InvalidArgument: an argument is of a wrong type or out of its range
    """

    def __init__(self, seconds: Seconds, reason: str = "") -> None:
        self.seconds = check_delay(seconds)
        if not self.seconds:
            raise InvalidArgument("seconds: expected more than 0; raise Retry to have the event again at once.")
        self.reason = clean("reason", reason)
        super().__init__(self.seconds, self.reason)

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class Outcome:
    """What becomes of the events of one run."""

    #: ``ack``: done. ``retry``: failed. ``reject``: dead letters now. ``pause``: given back, not failed. ``settled``: the
    #: handler settled all of the events itself, and nothing more is to be done
    kind: Literal["ack", "retry", "reject", "pause", "settled"]
    #: the cause of a retry, reject or pause, for the log and the dead letter
    reason: str | None = None
    #: ``retry``: before the next attempt; None for the subscription's backoff. ``pause``: how long to fetch nothing
    delay_s: float | None = None
    #: what the handler raised, for the log and for tests
    error: BaseException | None = None
    #: the process can go on no longer (MemoryError): the worker is to drain and to exit with 1
    fatal: bool = False
