"""The signals that `pubsub exec` passes on to its command."""

from __future__ import annotations

import os
import signal
import subprocess
from types import FrameType

__all__ = ["Signals"]

_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
#: what the terminal sends to the command too, as to everything in the foreground
_FROM_TERMINAL = ("SIGINT", "SIGQUIT")


class Signals:
    """Passes on to a command the signals that come to this process, from construction on.

    One that comes before there is a command is kept for it. What this process was told to ignore stays ignored.
    """

    def __init__(self) -> None:
        self._command: subprocess.Popen[bytes] | None = None
        self.early: int | None = None
        for name in _FORWARDED:
            number = getattr(signal, name, None)  # Windows has few of them
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._pass_on)

    def aim_at(self, command: subprocess.Popen[bytes]) -> None:
        """Send it what comes from now on, and what came before."""
        self._command = command
        if self.early is not None:
            command.send_signal(self.early)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        if self._command is None:
            self.early = number
        elif signal.Signals(number).name not in _FROM_TERMINAL or not _in_foreground():
            self._command.send_signal(number)


def _in_foreground() -> bool:
    """Whether a terminal sends its Ctrl-C to this process, and so to the command."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, AttributeError):
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
