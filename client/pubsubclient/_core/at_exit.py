"""How a block of work or the program ended, and what that means for the events in its hands.

Exit handlers run alike after a clean end, an exception and `sys.exit(1)`. Three things tell these apart:

- `sys.last_value` holds an exception that nobody caught.
- The program's outermost frame is kept: if its last instruction is a return, it came to its end.
- Otherwise something raised SystemExit. `sys.exit` is wrapped to remember its status. A SystemExit that was raised by hand
  (also by `quit`) has a status that nobody can see any more: then nothing is acknowledged.
"""

from __future__ import annotations

import atexit
import dis
import functools
import logging
import sys
import threading
import time
from types import FrameType
from typing import Literal, NoReturn, Protocol

from pubsubclient._core.errors import PubSubError

__all__ = ["EXIT_DEADLINE_S", "Verb", "settle_at_exit", "verb_for"]

Verb = Literal["ack", "nack", "release"]

#: how long the end of a program, or of a `with` that an exception leaves, may take to settle, seconds
EXIT_DEADLINE_S = 5.0
#: what is left to each when that is over
_LAST_TRY_S = 0.1
#: the instructions that end a frame without an exception
_RETURNS = frozenset({"RETURN_VALUE", "RETURN_CONST"})

_log = logging.getLogger("pubsubclient.subscriber")


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
    verb = _verb_at_exit()
    give_up = time.monotonic() + EXIT_DEADLINE_S
    for holder in list(_holders):
        try:
            holder.settle(verb, max(_LAST_TRY_S, give_up - time.monotonic()))
        except PubSubError as e:  # noqa: PERF203 - one holder's failure must not keep the others from settling
            _log.warning("At exit, %r could not be settled and will come again: %s", holder, e)


def _verb_at_exit() -> Verb:
    """What becomes of the main thread's events when the program ends as it does."""
    error = getattr(sys, "last_value", None)
    if error is not None:
        # in an interactive session an exception ends nothing, and may be long ago: it says nothing of the events
        return "release" if hasattr(sys, "ps1") else verb_for(error)
    if _returned(_program):
        return "ack"
    if not _exit_status:
        return "release"  # the status was nowhere to be seen
    return verb_for(SystemExit(_exit_status[0]))


def _outermost_frame() -> FrameType | None:
    """The first frame of the main thread: the program itself, or what runs it as a module."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 - nothing else tells of it
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _returned(frame: FrameType | None) -> bool:
    """Whether a frame that has ended came to its end, and no exception left it."""
    if frame is None:
        return False
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] in _RETURNS


_program = _outermost_frame()
#: the status of the last `sys.exit` of the main thread
_exit_status: list[object] = []
_exit = sys.exit


@functools.wraps(_exit)
def _remembering_exit(status: object = None, /) -> NoReturn:
    if threading.current_thread() is threading.main_thread():
        _exit_status[:] = [status]
    _exit(status)  # type: ignore[arg-type]


sys.exit = _remembering_exit
atexit.register(_at_exit)
