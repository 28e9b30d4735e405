"""Counts the calls of the functions since the start, and what they cost: what ``GET /meter`` shows.

It keeps no event data: of a request only its method, function and the client's name; of a response its status, its code and
the store operations that its header names.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pubsubservice.core.times import rfc3339

__all__ = ["CONSOLE_HEADER", "CallMeter"]

#: header of the console's own calls: they are counted apart, so that looking does not hide what programs do
CONSOLE_HEADER = "X-Pubsub-Console"

_CONSOLE = "HTTP_" + CONSOLE_HEADER.upper().replace("-", "_")
_OPS = re.compile(r"reads=([0-9]+), writes=([0-9]+), deletes=([0-9]+)")
#: calls that are remembered one by one
_RECENT = 200
#: characters of a client's name
_MAX_CLIENT = 80

_Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class _Total:
    """The calls of one function."""

    calls: int = 0
    #: calls that ended in an error
    problems: int = 0
    reads: int = 0
    writes: int = 0
    deletes: int = 0
    #: time of all calls together, milliseconds; a call that waits for events counts the wait
    ms: float = 0.0

    def add(self, status: int, ops: tuple[int, int, int], ms: float) -> None:
        self.calls += 1
        self.problems += status >= 400
        self.reads += ops[0]
        self.writes += ops[1]
        self.deletes += ops[2]
        self.ms = round(self.ms + ms, 3)


class CallMeter:
    """Counts calls. Thread-safe; its memory is bounded."""

    def __init__(self) -> None:
        self._since = _now()
        self._lock = threading.Lock()
        self._calls: dict[str, _Total] = {}
        self._console: dict[str, _Total] = {}
        self._recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)

    def metered(self, name: str, application: _Application) -> _Application:
        """Return the application of a function, which counts its calls from now on."""

        def metering(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            started = time.perf_counter()
            head: list[Any] = []

            def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
                head[:] = int(status[:3]), dict(headers)
                return start_response(status, headers, *rest)

            body = application(environ, start)
            status, headers = head
            code = None
            if status >= 400:
                read = b"".join(body)
                getattr(body, "close", lambda: None)()
                body, code = [read], _code_of(read)
            self._add(
                name, environ, status, headers.get("X-Store-Ops", ""), code, 1000 * (time.perf_counter() - started)
            )
            return body

        return metering

    def as_json(self) -> dict[str, Any]:
        """Return what was counted: the calls of programs and of the console by function, and the newest calls of programs."""
        with self._lock:
            return {
                "since": self._since,
                "calls": {name: asdict(total) for name, total in self._calls.items()},
                "console": {name: asdict(total) for name, total in self._console.items()},
                "recent": list(reversed(self._recent)),
            }

    def _add(self, name: str, environ: dict[str, Any], status: int, header: str, code: str | None, ms: float) -> None:
        found = _OPS.fullmatch(header)
        ops = (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)
        of_console = environ.get(_CONSOLE) == "1"
        with self._lock:
            totals = self._console if of_console else self._calls
            totals.setdefault(name, _Total()).add(status, ops, ms)
            if not of_console:
                self._recent.append(
                    {
                        "time": _now(),
                        "method": environ["REQUEST_METHOD"],
                        "function": name,
                        "status": status,
                        "code": code,
                        **dict(zip(("reads", "writes", "deletes"), ops, strict=True)),
                        "ms": round(ms, 3),
                        "client": environ.get("HTTP_USER_AGENT", "")[:_MAX_CLIENT],
                    }
                )


def _code_of(problem: bytes) -> str | None:
    """Return the code of a problem document; None for another body."""
    try:
        code = json.loads(problem)["code"]
    except (ValueError, KeyError, TypeError):
        return None
    return code if isinstance(code, str) else None


def _now() -> str:
    return rfc3339(time.time_ns() // 1000)
