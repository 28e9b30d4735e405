"""Ends a process group when the process that started it is gone, even if that one was killed.

Run as ``python watchdog.py PGID`` with a pipe as standard input whose only writing end the owner holds: the system
closes it however the owner ends. It is run by its path, so that it imports nothing but the standard library.
"""

from __future__ import annotations

import os
import signal
import sys
import time

__all__ = ["end_group", "main"]

#: Java gets this long to end by itself
GRACE_S = 3.0
POLL_S = 0.02


def end_group(group: int, grace_s: float = GRACE_S) -> None:
    """End all processes of a group: SIGTERM, then SIGKILL to what is left after `grace_s`."""
    if not _signal_group(group, signal.SIGTERM):
        return
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline:
        if not _signal_group(group, 0):
            return
        time.sleep(POLL_S)
    _signal_group(group, signal.SIGKILL)


def main(group: int) -> None:
    """Wait for the owner's end, then end the group."""
    # Ctrl-C and a closing terminal are the owner's to handle; its end is all that counts here.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    while os.read(0, 1024):
        pass
    end_group(group)


def _signal_group(group: int, number: int) -> bool:
    """Whether there was a process to signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM where only zombies are left
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
