"""Runs a command as long as its owner process lives, and ends the command when the owner ends, even if killed.

``python -I watchdog.py COMMAND…`` runs the command in the watchdog's process group. Standard input is a pipe whose writing
end only the owner holds, so the system closes it however the owner ends. The watchdog then sends SIGTERM to the group, and
SIGKILL after `GRACE_S`. When the command ends by itself, the watchdog exits with the same code. The owner runs this file
by its path, and it imports only the standard library, so that it starts fast.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

__all__ = ["GRACE_S", "main"]

#: seconds between SIGTERM and SIGKILL
GRACE_S = 3.0


def main(command: list[str]) -> int:
    """Run the command until it or the owner ends, and return its exit code. Expects to lead its own session."""
    # The owner handles Ctrl-C and a closing terminal, and the SIGTERM to the group comes from this process. A handler and
    # not SIG_IGN, because Java would inherit an ignored signal.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ignore)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the owner's own command
    threading.Thread(target=_end_with_owner, args=(child,), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end_with_owner(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGTERM)
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(0, signal.SIGKILL)  # which kills this process too


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing. A new program does not inherit a handler, unlike SIG_IGN."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
