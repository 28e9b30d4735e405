"""Maps how a block or the program ended to ack, nack or release, and settles open leases at exit.

Exit handlers run after a normal end, after an exception, and after `sys.exit(1)`. Python does not tell them which. This
module finds out:

- `sys.last_value` holds an uncaught exception.
- This module keeps the program's outermost frame. If the frame's last instruction is a return, the program ended normally.
- Otherwise something raised SystemExit. This module wraps `sys.exit` to remember the status. The status of a SystemExit that
  was raised by hand (also by `quit`) cannot be found out: then nothing is acknowledged.
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

__all__ = ["EXIT_DEADLINE_S", "Holder", "Verb", "drop_holders", "settle_at_exit", "verb_for"]

Verb = Literal["ack", "nack", "release"]

#: how long settling may delay the end of the program, or of a `with` block after an exception, seconds
EXIT_DEADLINE_S = 5.0
#: the deadline of each remaining holder when that time is over, seconds
_LAST_TRY_S = 0.1
#: bytecode instructions that end a frame without an exception
_RETURNS = frozenset({"RETURN_VALUE", "RETURN_CONST"})

_log = logging.getLogger("pubsubclient.subscriber")


class Holder(Protocol):
    """An object that holds leased events."""

    @property
    def service(self) -> object:
        """The service at which the events are settled."""

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:
        """Settle the events."""


#: the objects that hold events, kept alive until these are settled; a dict keeps their order, and its pop is atomic
_holders: dict[Holder, None] = {}

#: what was settled at the end: if it were collected now, Python would warn of its connections
_kept: list[Holder] = []


def verb_for(error: BaseException | None) -> Verb:
    """Return how to settle held events whose handling was ended by `error`; None means a normal end.

    None or SystemExit with success: ack. An Exception, or SystemExit with failure: nack. Anything else, such as
    KeyboardInterrupt, is no failure of the events: release.
    """
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "ack"
    return "nack" if isinstance(error, Exception | SystemExit) else "release"


def settle_at_exit(holder: Holder, *, holding: bool) -> None:
    """Register `holder` to be settled when the program ends; with `holding` False, remove it."""
    if holding:
        _holders[holder] = None
    else:
        _holders.pop(holder, None)


def drop_holders(service: object) -> list[Holder]:
    """Settle nothing at this service when the program ends, because it will be gone; returns what held events there."""
    dropped = [holder for holder in list(_holders) if holder.service == service]
    for holder in dropped:
        _holders.pop(holder, None)
    return dropped


def _at_exit() -> None:
    verb = _verb_at_exit()
    give_up = time.monotonic() + EXIT_DEADLINE_S
    _kept.extend(_holders)
    for holder in _kept:
        try:
            holder.settle(verb, max(_LAST_TRY_S, give_up - time.monotonic()))
        except PubSubError as e:  # noqa: PERF203 - one holder's failure must not keep the others from settling
            _log.warning("At exit, %r could not be settled and will come again: %s", holder, e)


def _verb_at_exit() -> Verb:
    """Return how to settle the main thread's events, given how the program has ended."""
    error = getattr(sys, "last_value", None)
    if error is not None:
        # an interactive session goes on after an exception, so the last one may have nothing to do with the events
        return "release" if hasattr(sys, "ps1") else verb_for(error)
    if _returned(_program):
        return "ack"
    if not _exit_status:
        return "release"  # the exit status is unknown
    return verb_for(SystemExit(_exit_status[0]))


def _outermost_frame() -> FrameType | None:
    """Return the outermost frame of the main thread: the program itself, or the code that runs it as a module."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 - no public API returns it
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _returned(frame: FrameType | None) -> bool:
    """Whether a frame has ended by a return, not by an exception."""
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
