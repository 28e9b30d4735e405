"""The signals that `pubsub exec` forwards to its command."""

from __future__ import annotations

import os
import signal
import subprocess
from types import FrameType

__all__ = ["Signals"]

_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
#: signals that the terminal sends to the command itself, as to every process in the foreground
_FROM_TERMINAL = ("SIGINT", "SIGQUIT")


class Signals:
    """Forwards this process's signals to a command, from construction on.

    A signal that arrives before the command runs is kept for it (the last one, if several do). A signal that this
    process ignores from its start stays ignored.
    """

    def __init__(self) -> None:
        self._command: subprocess.Popen[bytes] | None = None
        #: the last signal that arrived before the command ran
        self.early: int | None = None
        for name in _FORWARDED:
            number = getattr(signal, name, None)  # Windows has only some of these
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._forward)

    def forward_to(self, command: subprocess.Popen[bytes]) -> None:
        """Forward later signals to `command`, and the one that arrived before, if any."""
        self._command = command
        if self.early is not None:
            command.send_signal(self.early)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if self._command is None:
            self.early = number
        elif signal.Signals(number).name not in _FROM_TERMINAL or not _in_foreground():
            self._command.send_signal(number)


def _in_foreground() -> bool:
    """Whether this process is in its terminal's foreground group, so that Ctrl-C reaches the command directly."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, AttributeError):
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
