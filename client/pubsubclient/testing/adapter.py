"""The transport adapter of `requests` that calls the service in this process."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from pubsubclient._core.errors import ConfigurationError
from pubsubclient._core.extras import install_command
from pubsubclient._http.responses import store_ops
from pubsubclient.testing.clock import CallerGone, LocalClock
from pubsubclient.testing.faults import Call, Fault

__all__ = ["InProcess", "LocalAdapter", "NothingWillCome", "in_process"]

#: a wait that has moved the clock so far in vain, with nothing to come, will not end, seconds
_MAX_WAITED_S = 3600.0


class NothingWillCome(Exception):  # noqa: N818 - it names what is the matter
    """A loop waits for events without an end, and nothing in this test will publish any."""


class InProcess(Protocol):
    """The part of the emulator that this package uses."""

    def request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]: ...
    def restart(self) -> None: ...
    def expire(self) -> None: ...
    def log(self, topic: str) -> list[dict[str, Any]]: ...
    def next_due_s(self, subscriber: str) -> float | None: ...
    def close(self) -> None: ...


def in_process(clock: LocalClock) -> tuple[InProcess, str]:
    """Return a new service in this process, and the base of its URLs. Raises ConfigurationError without the emulator."""
    try:
        # by name: the client does not depend on the service, which only this extra brings
        module = importlib.import_module("pubsub_emulator.in_process")
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"pubsubclient.testing runs the service itself, which needs {missing.name}: {install_command('emulator')}"
        ) from missing
    make: Callable[[LocalClock], InProcess] = module.InProcess
    return make(clock), f"http://{module.HOST}"


class LocalAdapter(BaseAdapter):
    """Carries requests to a service in this process, or makes them fail. Thread-safe."""

    def __init__(self, service: InProcess, clock: LocalClock) -> None:
        super().__init__()
        self._service = service
        self._clock = clock
        self._lock = threading.Lock()
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        self.closed = False

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """Answer a request. Raises requests.ConnectionError where a test wants that, NothingWillCome."""
        if self.closed:
            raise requests.exceptions.InvalidURL(
                "the test that this service belongs to has ended; what is made at import, like a Publisher of a module, "
                "stays with the test in which it was made: publish by an App, which looks for the service at each test"
            )
        parts = urlsplit(request.url or "")
        raw = request.body if isinstance(request.body, bytes) else b""
        body = _body(raw, parts.query)
        function = parts.path.strip("/")
        if body.get("max_events") == 0:  # it settles and does not wait, so it keeps nobody waiting
            return self._respond(request, function, parts.query, raw, body)
        self._check_waits(body)
        with self._clock.request():
            return self._respond(request, function, parts.query, raw, body)

    def close(self) -> None:
        """There is nothing to close."""

    def _respond(
        self, request: requests.PreparedRequest, function: str, query: str, raw: bytes, body: Mapping[str, Any]
    ) -> requests.Response:
        fault = self._fault(function, body)
        method = request.method or "POST"
        if fault is not None and not fault.after_commit:
            self.calls.append(Call(function, method, body, 0, fault=True))
            return _failed(request, fault)
        headers = {str(name): str(value) for name, value in request.headers.items()}
        try:
            status, answered, content = self._service.request(method, f"/{function}", query, headers, raw)
        except CallerGone as gone:
            raise requests.ConnectionError("the call was cancelled") from gone
        response = _response(request, status, answered, content)
        self.calls.append(Call(function, method, body, status, *store_ops(response), fault=fault is not None))
        if function != "get_events" or b'"events":[{' in content:
            self._clock.waited_s = 0.0
        return response if fault is None else _failed(request, fault)

    def _fault(self, function: str, body: Mapping[str, Any]) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.concerns(function, body):
                    fault.times -= 1
                    return fault
        return None

    def _check_waits(self, body: Mapping[str, Any]) -> None:
        if not body.get("wait_s") or self._clock.waited_s < _MAX_WAITED_S:
            return
        subscriber = str(body.get("subscriber"))
        if self._service.next_due_s(subscriber) is None:
            self._clock.waited_s = 0.0
            raise NothingWillCome(
                f"{subscriber!r} has waited for events for an hour of this test's time; none is to come, and no other thread "
                "is at work. Publish before the loop begins, or end it: events(wait=1)."
            )


def _body(raw: bytes, query: str) -> Mapping[str, Any]:
    """Return the members of a request; none of one that is no JSON object, which the service refuses."""
    if not raw:
        return dict(parse_qsl(query))
    try:
        decoded = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _response(
    request: requests.PreparedRequest, status: int, headers: list[tuple[str, str]], content: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(headers)
    response.url, response.request = request.url or "", request
    response.raw = BytesIO(content)
    return response


def _failed(request: requests.PreparedRequest, fault: Fault) -> requests.Response:
    if fault.status is None:
        raise requests.ConnectionError("the test broke the connection")
    status, headers, problem = fault.problem()
    content = json.dumps(problem).encode()
    return _response(request, status, [*headers, ("Content-Length", str(len(content)))], content)
