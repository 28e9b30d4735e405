"""How the processes of a run end: with the one that started them, however that ends, and when they are asked to."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from pubsub_emulator.cli.stop_signals import StopSignal

__all__ = ["asked_to_end", "end_with_parent"]

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Have this process killed when `parent` ends, also if it is frozen then (Linux; elsewhere the parent sees to it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def asked_to_end() -> StopSignal:
    """What SIGTERM sets; Ctrl-C is the parent's to handle."""
    asked = StopSignal()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return asked
