"""Google's Firestore emulator as a child process: started on a free port, ready when handed out, never left behind."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pubsub_emulator import watchdog
from pubsub_emulator.errors import EmulatorError
from pubsub_emulator.google_install import NotInstalled, find_jar, find_java

__all__ = ["NotInstalled", "StartError", "start_emulator"]

READY_TIMEOUT_S = 30.0
POLL_S = 0.05
_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_LAST_LINES = 15


class StartError(EmulatorError):
    """Google's emulator did not become ready; the message carries its last lines."""


@contextmanager
def start_emulator() -> Iterator[str]:
    """Run Google's Firestore emulator and give its address, ``127.0.0.1:PORT``, once it answers.

    It ends with the block; also when this process is killed, because a helper waits for that. It serves every
    project id, each on its own; what it holds is gone with it. Raises NotInstalled or StartError.
    """
    java, jar = find_java(), find_jar()
    directory = Path(tempfile.mkdtemp(prefix="pubsub-firestore-"))
    try:
        with _running(java, jar, directory / "emulator.log") as address:
            yield address
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _running(java: str, jar: Path, log: Path) -> Iterator[str]:
    port = _free_port()
    # The launcher of the SDK does no more than this, and would be one more process to end.
    command = [java, "-Duser.language=en", "-Xmx1g", "-cp", str(jar), _MAIN, "start", "--host=127.0.0.1", f"--port={port}"]
    with log.open("wb") as output:
        # A session of its own: the terminal's Ctrl-C is ours, and Java ends after we have drained.
        process = subprocess.Popen(  # noqa: S603 - found on the user's own machine
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent, start_new_session=True
        )
    try:
        with _watched(process.pid):
            _await_ready(process, port, log)
            yield f"127.0.0.1:{port}"
    finally:
        _end(process)


@contextmanager
def _watched(group: int) -> Iterator[None]:
    """Keep a helper that ends the process group when we are gone without a word."""
    reading, writing = os.pipe()
    # Not inheritable, so the helper and whatever else we start hold no writing end, which would keep it open.
    helper = subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", watchdog.__file__, str(group)], stdin=reading, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    os.close(reading)
    try:
        yield
    finally:
        os.close(writing)
        helper.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    watchdog.end_group(process.pid)
    process.wait()
