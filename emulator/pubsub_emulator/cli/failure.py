"""End a command with one line on stderr and an exit code."""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ["fail"]


def fail(message: str, program: str = "pubsub emulator", code: int = 2) -> NoReturn:
    """Write ``PROGRAM: MESSAGE`` as one line to stderr and raise SystemExit(code)."""
    line = " ".join(message.split())
    sys.stderr.write(f"{program}: {line}\n")
    raise SystemExit(code)
