"""Programs of this machine that use the service in a container."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from e2e.serving import environment

from .container import Container

__all__ = ["POLL", "printed_by", "started"]

#: sends a poll, says so once another request has been answered after it, and prints how it was answered
POLL = """
import json, socket
from http.client import HTTPConnection
poll = socket.create_connection(("127.0.0.1", 8000), timeout=60)
body = json.dumps({"subscriber": "S1", "wait_s": 20}).encode()
headers = ["Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {len(body)}"]
poll.sendall("\\r\\n".join(["POST /get_events HTTP/1.1", *headers, "", ""]).encode() + body)
other = HTTPConnection("127.0.0.1", 8000, timeout=60)
other.request("GET", "/healthz")
other.getresponse().read()
print("held", flush=True)
print(poll.recv(64).partition(b"\\r\\n")[0].decode(), flush=True)
"""


def started(container: Container, program: str, folder: Path, **more: str) -> subprocess.Popen[str]:
    """Start a Python program in `folder`, in the network of a container, with `more` environment."""
    variables = [
        f"{name}={value}"
        for name, value in environment(PUBLISH_SUBSCRIBE_SERVICE="http://127.0.0.1:8000", **more).items()
    ]
    command = container.reached_by("env", *variables, sys.executable, "-W", "error", "-c", program)
    return subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def printed_by(container: Container, program: str, folder: Path, **more: str) -> str:
    """Run a program like `started` does; return what it prints. Fails if it fails, or prints anything on stderr."""
    with started(container, program, folder, **more) as client:
        printed, errors = client.communicate(timeout=120)
    assert (client.returncode, errors) == (0, "")
    return printed
