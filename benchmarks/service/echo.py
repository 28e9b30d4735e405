"""The least that a function can do: a bare functions-framework echo, on the server that the emulator uses."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import requests
from benchmarks.service.processes import Server

__all__ = ["Echo"]


class Echo:
    """What `contender.Contender.lone` means without a service: the same request, answered with itself."""

    name = "bare echo"

    def __init__(self) -> None:
        self._server = Server([sys.executable, "-m", "benchmarks.service.echo"], ready="ready: ")
        self.url = self._server.line.rpartition(" ")[2]
        self._session = requests.Session()

    def lone(self, topic: str, payloads: Sequence[bytes]) -> list[float]:
        """Post one after the other; the seconds that each took."""
        taken = []
        for payload in payloads:
            body = b'{"topic":"%s","publisher":"bench","events":[{"data":%s}]}' % (topic.encode(), payload)
            started = time.perf_counter()
            answer = self._session.post(f"{self.url}/echo", data=body, headers={"Content-Type": "application/json"})
            answer.json()
            taken.append(time.perf_counter() - started)
        return taken

    def address(self) -> str:
        """Where it serves."""
        return self.url

    def close(self) -> None:
        """End it."""
        self._session.close()
        self._server.close()


def serve() -> None:
    """Run the echo until the process is ended."""
    import functions_framework  # noqa: PLC0415 - the server's process needs them, the client's does not

    from pubsub_emulator.server.server import Server as Waitress  # noqa: PLC0415

    app = functions_framework.create_app("echo", __file__, "http")
    print(f"ready: {Waitress(app).url}", flush=True)
    threading.Event().wait()


def echo(request: object) -> tuple[str, int, dict[str, str]]:
    """Parse the JSON and send it back."""
    body = json.loads(request.get_data())  # type: ignore[attr-defined]
    return json.dumps(body), 200, {"Content-Type": "application/json"}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    serve()
