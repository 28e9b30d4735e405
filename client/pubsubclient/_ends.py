"""How a piece of work ended, and what that means for the events in its hands; also when it is the program.

An uncaught exception and Ctrl-C run exit handlers as a clean end does; `sys.last_value` tells them apart.
"""

from __future__ import annotations

import atexit
import logging
import sys
import time
from typing import Literal, Protocol

from pubsubclient._errors import PubSubError

__all__ = ["EXIT_DEADLINE_S", "Verb", "settle_at_exit", "verb_for"]

Verb = Literal["ack", "nack", "release"]

#: how long the end of a program, or of a `with` that an exception leaves, may take to settle, seconds
EXIT_DEADLINE_S = 5.0
#: what is left to each when that is over
_LAST_TRY_S = 0.1

_log = logging.getLogger(__name__)


class Holder(Protocol):
    """Something with events in its hands."""

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:
        """Settle them."""


#: whoever has events in hand, kept alive until they are settled; a dict for its order and its atomic pop
_holders: dict[Holder, None] = {}


def verb_for(error: BaseException | None) -> Verb:
    """What becomes of events in hand when `error`, or nothing, ends their handling.

    Nothing, or an exit with success: ack. An exception, or an exit with failure: nack. Anything else, as
    KeyboardInterrupt: release, for nobody is to blame.
    """
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "ack"
    return "nack" if isinstance(error, Exception | SystemExit) else "release"


def settle_at_exit(holder: Holder, *, holding: bool) -> None:
    """Settle what `holder` has in hand when the program ends, from now on or (not `holding`) no more."""
    if holding:
        _holders[holder] = None
    else:
        _holders.pop(holder, None)


def _at_exit() -> None:
    error = getattr(sys, "last_value", None)
    # in an interactive session an exception ends nothing, and may be long ago: it says nothing of the events
    verb: Verb = "release" if error is not None and hasattr(sys, "ps1") else verb_for(error)
    give_up = time.monotonic() + EXIT_DEADLINE_S
    for holder in list(_holders):
        try:
            holder.settle(verb, max(_LAST_TRY_S, give_up - time.monotonic()))
        except PubSubError as e:  # noqa: PERF203 - one holder's failure must not keep the others from settling
            _log.warning("At exit, %r could not be settled and will come again: %s", holder, e)


atexit.register(_at_exit)
