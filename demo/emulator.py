"""A real ``pubsub emulator``, in a process of its own, as long as the demo runs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["running_emulator"]

_READY = "pubsub emulator ready: "
_END_TIMEOUT_S = 15.0


@contextmanager
def running_emulator() -> Iterator[str]:
    """Start an emulator on a free port and give its URL. Raises RuntimeError if it does not start."""
    command = [sys.executable, "-m", "pubsub_emulator", "emulator", "--port", "0", "--ephemeral"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            ready = process.stdout.readline() if process.stdout else ""
            if not ready.startswith(_READY):
                process.wait(_END_TIMEOUT_S)
                log.seek(0)
                raise RuntimeError(f"the emulator did not start: {log.read().decode(errors='replace').strip()}")
            yield ready.removeprefix(_READY).strip()
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
