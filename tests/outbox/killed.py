"""A program that forks children which kill themselves at a step of their work, and tells how each ended.

It reads a case a line, as JSON, and writes the exit status and the steps of the child: ``{"status": -9, "steps": […]}``.
A child is a process that has sent and opened nothing before.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from outbox.stores import connector
from pubsubclient import Service
from pubsubclient.outbox import Outbox


class Steps:
    """Counts the steps of a program, and kills it before one of them.

    Args:
        kill_at: the number of the step; -1 for none
        out: the file descriptor to write their names to
    """

    def __init__(self, kill_at: int, out: int) -> None:
        self._left = kill_at
        self._out = out

    def step(self, name: str, at_last: Any = None) -> None:
        """The program is about to do this; `at_last` is done as the last thing before a kill."""
        if self._left == 0:
            if at_last is not None:
                at_last()
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1
        os.write(self._out, f"{name}\n".encode())


class Cursor:
    """A cursor, each statement of which is a step."""

    def __init__(self, cursor: Any, steps: Steps) -> None:
        self._cursor, self._steps = cursor, steps

    def execute(self, statement: str, values: Any = ()) -> None:
        self._steps.step(" ".join(statement.split())[:40])
        self._cursor.execute(statement, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def stepping(connection: Any, steps: Steps) -> Any:
    """The connection, each use of which is a step; of a class derived from the driver's."""

    class Stepping(type(connection)):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

        def __getattribute__(self, name: str) -> Any:
            if name == "cursor":
                return lambda: Cursor(connection.cursor(), steps)
            if name in {"commit", "rollback", "close"}:
                steps.step(name)
            return object.__getattribute__(self, name) if name == "__class__" else getattr(connection, name)

        def __del__(self) -> None:
            pass

    return Stepping.__new__(Stepping)


class Adapter(HTTPAdapter):
    """Each request is two steps: before it is sent, and once it is sent, when its response is lost."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        function = urlsplit(request.url or "").path
        self._steps.step(f"send {function}")
        self._steps.step(f"lose {function}", lambda: _only_send(request))
        return super().send(request, *arguments, **named)


def _only_send(request: requests.PreparedRequest) -> None:
    parts = urlsplit(request.url or "")
    body = request.body if isinstance(request.body, bytes) else b""
    head = f"{request.method} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as sent:
        sent.sendall(f"{head}\r\n".encode() + body)
        sent.shutdown(socket.SHUT_WR)
        sent.recv(1)  # the service has answered, and nobody reads on


def work(case: dict[str, Any], steps: Steps) -> None:
    """Three transactions, the second of which is rolled back, and the relay; or the relay alone."""
    connect = connector(case["address"])
    outbox = Outbox(connect=lambda: stepping(connect(), steps), publisher="shop")
    one, other = case["topics"]
    if case["writes"]:
        connection = stepping(connect(), steps)
        for number, topics, ends in ((1, (one, other, one), "commit"), (2, (one,), "rollback"), (3, (one,), "commit")):
            cursor = connection.cursor()
            cursor.execute(f"INSERT INTO orders (number) VALUES ({number})")
            for part, topic in enumerate(topics):
                outbox.add(connection, topic, {"order": number, "part": part})
            getattr(connection, ends)()
        connection.close()
    outbox.relay(Service(case["url"], adapter=Adapter(steps))).run_once()
    steps.step("end")


def main() -> None:
    for line in sys.stdin:
        case = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(read)
                work(case, Steps(case["kill_at"], write))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        os.close(write)
        with os.fdopen(read) as names:
            steps = names.read().splitlines()
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status), "steps": steps}), flush=True)


if __name__ == "__main__":
    main()
