"""A machine with or without Java, gcloud and firebase, made of small scripts; and waiting for processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["GONE_TIMEOUT_S", "SERVES", "await_true", "gone", "put_jar", "put_program", "put_python_java"]

GONE_TIMEOUT_S = 20.0

#: what stands for Java: answers on the port it is given, as the emulator does when it is ready
SERVES = """
import http.server, sys
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "3"); self.end_headers(); self.wfile.write(b"Ok\\n")
port = next(int(word[7:]) for word in sys.argv if word.startswith("--port="))
http.server.HTTPServer(("127.0.0.1", port), Answers).serve_forever()
"""


def put_jar(root: Path) -> Path:
    """Write what passes for the emulator's jar where an SDK with that root has it."""
    jar = root / "platform" / "cloud-firestore-emulator" / "cloud-firestore-emulator.jar"
    jar.parent.mkdir(parents=True, exist_ok=True)
    jar.touch()
    return jar


def put_program(path: Path, script: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def put_python_java(home: Path, program: str) -> Path:
    """A JAVA_HOME whose java runs a Python program and leaves its process id in the file returned."""
    source, pid = home / "program.py", home / "pid"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(program)
    put_program(
        home / "bin" / "java",
        f'if [ "$1" = -version ]; then echo \'openjdk version "17.0.15" 2025-04-15\' >&2; exit; fi\n'
        f'echo $$ > "{pid}.part"; mv "{pid}.part" "{pid}"; exec "{sys.executable}" -I "{source}" "$@"',
    )
    return pid


def gone(pid: int) -> bool:
    """Whether a process is no more; one that only waits for its parent to look counts as gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def await_true(condition: Callable[[], bool], timeout_s: float = GONE_TIMEOUT_S) -> None:
    """Look until the condition holds; past the timeout fail."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "still not so"
        time.sleep(0.01)
