"""A transport that answers as the cases have it, and remembers what the client sent."""

from __future__ import annotations

import json
from http.client import responses
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from contract.cases import Case

__all__ = ["STORE_TIME_US", "Replaying"]

#: X-Store-Time of every answer
STORE_TIME_US = 1_769_860_800_000_000


class Replaying(BaseAdapter):
    """Answers calls of `function` (by `method` alone, if given) by one case's answer, and all others by an empty success."""

    def __init__(self, function: str, answer: Case, method: str | None = None) -> None:
        super().__init__()
        self._function = function
        self._method = method
        self._answer = answer
        #: (method, function, body) of every request, and of those that the case answers
        self.sent: list[tuple[str, str, bytes]] = []
        self.answered: list[tuple[str, str, bytes]] = []

    def send(self, request: requests.PreparedRequest, *arguments: Any, **more: Any) -> requests.Response:
        function = urlsplit(str(request.url)).path.rpartition("/")[2]
        body = request.body or b""
        assert isinstance(body, bytes)
        self.sent.append((str(request.method), function, body))
        asked = function == self._function and self._method in (None, request.method)
        answer = self._answer if asked else {"status": 200, "body": {}}
        if asked:
            self.answered.append(self.sent[-1])
        response = requests.Response()
        response.status_code = answer["status"]
        response.url, response.request = str(request.url), request
        response.headers["X-Store-Time"] = str(STORE_TIME_US)
        document = answer.get("body")
        response.headers["Content-Type"] = "application/json"
        if response.status_code >= 400:
            document = problem(answer)
            response.headers["Content-Type"] = "application/problem+json"
        response.raw = BytesIO(b"" if document is None else json.dumps(document).encode())
        return response

    def close(self) -> None:
        """There is nothing to close."""


def problem(answer: Case) -> dict[str, Any]:
    """The problem document of a refusal: what its detail says is all of it."""
    status = answer["status"]
    detail = "; ".join(answer["says"])
    head = {"type": "about:blank", "title": responses[status], "status": status, "detail": detail}
    return {**head, "code": answer["code"], **answer.get("extra", {})}
