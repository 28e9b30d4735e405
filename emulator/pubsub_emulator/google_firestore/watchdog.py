"""Runs a command for as long as its owner lives, and ends it when the owner is gone, even if that was killed.

``python -I watchdog.py COMMAND…`` starts the command in its own process group. Standard input is a pipe whose
writing end only the owner holds: the system closes it however the owner ends. The group gets SIGTERM then,
and SIGKILL after a grace. When the command ends by itself, the watchdog exits with its code. It needs nothing
but the standard library, and is run by its path, so nothing else is imported.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

__all__ = ["GRACE_S", "main"]

#: what Java gets to end by itself
GRACE_S = 3.0


def main(command: list[str]) -> int:
    """Run the command until it or the owner ends. The caller made this process the leader of a session."""
    # Ctrl-C and a closing terminal are the owner's to handle, and SIGTERM comes from here. Handlers, since
    # Java would inherit an ignored signal and ignore it too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ignore)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the owner's own
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
        os.killpg(0, signal.SIGKILL)  # this process is in the group too, and is done


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing, which a new program does not inherit."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
