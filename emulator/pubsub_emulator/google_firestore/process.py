"""Runs Google's Firestore emulator as a child process on a free port, and ends it with this process."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from pubsub_emulator.errors import EmulatorError
from pubsub_emulator.google_firestore import watchdog
from pubsub_emulator.google_firestore.install import NotInstalled, find_jar, find_java

__all__ = ["NotInstalled", "StartError", "start_emulator"]

READY_TIMEOUT_S = 30.0
POLL_S = 0.05
#: the watchdog kills Java after `GRACE_S`; a watchdog that runs longer than this hangs itself
END_TIMEOUT_S = watchdog.GRACE_S + 5.0
_LAST_BYTES, _LAST_LINES = 8_000, 15

# The command of the SDK's launcher, without its shell script. The C1 compiler and the serial collector make the emulator
# ready in 1.4 s instead of 2.8, with two thirds of the memory and half of the CPU time over a test run.
_FLAGS = ("-Duser.language=en", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"


class StartError(EmulatorError):
    """Google's emulator did not become ready; the message quotes its last lines of output."""


@contextmanager
def start_emulator() -> Iterator[str]:
    """Run Google's Firestore emulator and yield its address, ``127.0.0.1:PORT``, once it responds.

    The emulator serves every project id, each with its own documents, stores nothing on disk, and ends with the block, or
    with this process even if it is killed. Raises NotInstalled or StartError.
    """
    java, jar = find_java(), find_jar()
    # A file without a name: it disappears even if this process is killed.
    with tempfile.TemporaryFile() as log:
        port = _free_port()
        command = [java, *_FLAGS, "-cp", str(jar), _MAIN, "start", "--host=127.0.0.1", f"--port={port}"]
        with _supervised(command, log) as supervisor:
            _await_ready(supervisor, port, log)
            yield f"127.0.0.1:{port}"


@contextmanager
def _supervised(command: list[str], log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command under the watchdog, with its output in `log`, and end both with the block."""
    owner = os.getpid()
    # Programs started later do not inherit the pipe, and `_close_in_child` closes it in forked children: the watchdog must
    # see its end when this process ends.
    reading, writing = os.pipe()
    try:
        # In its own session the terminal's Ctrl-C does not reach Java, which must run until this process has drained.
        supervisor = subprocess.Popen(  # noqa: S603 - found on the user's own machine
            [sys.executable, "-I", watchdog.__file__, *command],
            stdin=reading,
            stdout=log,
            stderr=log,
            cwd=tempfile.gettempdir(),
            start_new_session=True,
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    _held.add(writing)
    try:
        yield supervisor
    finally:
        # In a forked child that unwinds through here the pipe is closed already, and the watchdog is not its child.
        if os.getpid() == owner:
            _held.discard(writing)
            os.close(writing)
            _await_end(supervisor)


def _await_end(supervisor: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        supervisor.wait(END_TIMEOUT_S)
    if supervisor.returncode is None or supervisor.returncode < 0:
        # The watchdog hangs or was killed. Java is still in its process group.
        with suppress(ProcessLookupError):
            os.killpg(supervisor.pid, signal.SIGKILL)
        supervisor.wait()


def _await_ready(supervisor: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not _responds(port):
        if supervisor.poll() is not None:
            raise StartError(f"Google's Firestore emulator ended at its start: {_last_lines(log)}")
        if time.monotonic() > deadline:
            waited = f"did not respond within {READY_TIMEOUT_S:.0f} s"
            raise StartError(f"Google's Firestore emulator {waited}: {_last_lines(log)}")
        time.sleep(POLL_S)


def _responds(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _last_lines(log: IO[bytes]) -> str:
    # pread does not move the offset, which this process shares with the programs that write to the file.
    end = os.fstat(log.fileno()).st_size
    text = os.pread(log.fileno(), _LAST_BYTES, max(0, end - _LAST_BYTES)).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_LAST_LINES:]) or "it printed nothing"


def _free_port() -> int:
    """Return a port that was free a moment ago. The emulator cannot pick one itself, because it would not report it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


#: the writing ends of the watchdogs' pipes
_held: set[int] = set()


def _close_in_child() -> None:
    for writing in _held:
        os.close(writing)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
