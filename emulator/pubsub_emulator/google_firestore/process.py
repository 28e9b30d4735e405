"""Google's Firestore emulator as a child process: on a free port, ready when handed out, never left over."""

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
#: the watchdog ends Java within its grace; past this it is stuck itself
END_TIMEOUT_S = watchdog.GRACE_S + 5.0
_LAST_BYTES, _LAST_LINES = 8_000, 15

# What the SDK's launcher runs, less a shell in between. With the quick compiler and the plain collector it is
# ready in 1.4 s instead of 2.8, and takes two thirds of the memory and half of the CPU time over a test run.
_FLAGS = ("-Duser.language=en", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"


class StartError(EmulatorError):
    """Google's emulator did not become ready; the message has its last lines."""


@contextmanager
def start_emulator() -> Iterator[str]:
    """Run Google's Firestore emulator and give its address, ``127.0.0.1:PORT``, once it answers.

    It serves every project id, each on its own, keeps nothing on disk, and ends with the block, or with this
    process however that ends. Raises NotInstalled or StartError.
    """
    java, jar = find_java(), find_jar()
    # Without a name: nothing is left over even if this process is killed.
    with tempfile.TemporaryFile() as log:
        port = _free_port()
        command = [java, *_FLAGS, "-cp", str(jar), _MAIN, "start", "--host=127.0.0.1", f"--port={port}"]
        with _supervised(command, log) as helper:
            _await_ready(helper, port, log)
            yield f"127.0.0.1:{port}"


@contextmanager
def _supervised(command: list[str], log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command under the watchdog; its output goes to `log`."""
    owner = os.getpid()
    # Closed on exec, so no program started later keeps the pipe open; and below in every forked child.
    reading, writing = os.pipe()
    try:
        # A session of its own: the terminal's Ctrl-C is ours, and Java ends after we have drained.
        helper = subprocess.Popen(  # noqa: S603 - found on the user's own machine
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
        yield helper
    finally:
        # A forked child that unwinds through here has neither a pipe to close nor a child to wait for.
        if os.getpid() == owner:
            _held.discard(writing)
            os.close(writing)
            _see_end(helper)


def _see_end(helper: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        helper.wait(END_TIMEOUT_S)
    if helper.returncode is None or helper.returncode < 0:
        # The watchdog itself was killed, or hangs; what it left is in its process group.
        with suppress(ProcessLookupError):
            os.killpg(helper.pid, signal.SIGKILL)
        helper.wait()


def _await_ready(helper: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not _answers(port):
        if helper.poll() is not None:
            raise StartError(f"Google's Firestore emulator ended at its start: {_last_lines(log)}")
        if time.monotonic() > deadline:
            waited = f"did not answer within {READY_TIMEOUT_S:.0f} s"
            raise StartError(f"Google's Firestore emulator {waited}: {_last_lines(log)}")
        time.sleep(POLL_S)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _last_lines(log: IO[bytes]) -> str:
    # By position: the programs that write share the file's offset.
    end = os.fstat(log.fileno()).st_size
    text = os.pread(log.fileno(), _LAST_BYTES, max(0, end - _LAST_BYTES)).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_LAST_LINES:]) or "it said nothing"


def _free_port() -> int:
    """A port that was free a moment ago: the emulator cannot say which one it took, so it is told one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


#: writing ends of the watchdogs' pipes
_held: set[int] = set()


def _let_go() -> None:
    for writing in _held:
        os.close(writing)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
