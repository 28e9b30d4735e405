"""The wire, spoken without the SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import requests
from requests.adapters import BaseAdapter

__all__ = ["Wire", "cloudevent", "store_ops"]

_OPS = re.compile(r"reads=(\d+), writes=(\d+), deletes=(\d+)")


def cloudevent(data: Any = None, **attributes: Any) -> dict[str, Any]:
    """An event as a publisher sends it."""
    event = {"specversion": "1.0", "id": uuid4().hex, "source": "/publishers/shop", "type": "event"}
    return {**event, **({} if data is None else {"data": data}), **attributes}


class Wire:
    """Requests to a service, as they are; `unique` makes the names of one test its own."""

    def __init__(self, url: str, adapter: BaseAdapter | None = None) -> None:
        self.url = url
        self.unique = uuid4().hex[:12]
        #: X-Store-Time of the newest answer that has one
        self.store_time = 0
        self._session = requests.Session()
        if adapter is not None:
            self._session.mount(url, adapter)

    def name(self, name: str) -> str:
        """A name that no other test uses."""
        return f"{self.unique}-{name}"

    def ask(
        self, function: str, body: bytes | Any, *, method: str = "POST", headers: dict[str, str] | None = None
    ) -> requests.Response:
        """Send one request."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
        answer = self._session.request(method, f"{self.url}/{function}", data=sent, headers=headers, timeout=60)
        self.store_time = max(self.store_time, int(answer.headers.get("X-Store-Time", 0)))
        return answer

    def get(self, function: str, **query: str | int) -> dict[str, Any]:
        """The answer to a GET that succeeds."""
        answer = self._session.get(f"{self.url}/{function}", params=query, timeout=60)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ask_get(self, function: str, pairs: Iterable[tuple[str, str]], **query: str | int) -> requests.Response:
        """Send one GET; `pairs` are query parameters that may be repeated."""
        return self._session.get(f"{self.url}/{function}", params=[*pairs, *query.items()], timeout=60)

    def ok(self, function: str, body: Any, *, method: str = "POST") -> dict[str, Any]:
        """The answer to a request that succeeds."""
        answer = self.ask(function, body, method=method)
        assert answer.status_code in {200, 201, 204}, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def refused(self, function: str, body: Any, *, method: str = "POST") -> tuple[int, str]:
        """Status and code of the answer to a request that fails."""
        answer = self.ask(function, body, method=method)
        assert answer.headers["Content-Type"] == "application/problem+json", answer.text
        return answer.status_code, answer.json()["code"]

    def publish(self, topic: str, *events: dict[str, Any], publisher: str = "shop", **more: Any) -> list[Any]:
        """Publish; returns the receipts."""
        body = {"topic": self.name(topic), "publisher": self.name(publisher), "events": events, **more}
        receipts: list[Any] = self.ok("publish", body)["events"]
        return receipts

    def subscribe(self, subscriber: str, *topics: str, **more: Any) -> None:
        """Register a subscriber and subscribe it."""
        self.ok("register", {"subscriber": self.name(subscriber)})
        for topic in topics:
            self.ok("subscribe", {"subscriber": self.name(subscriber), "topic": self.name(topic), **more})

    def events(self, subscriber: str, **more: Any) -> dict[str, Any]:
        """The answer of get_events."""
        return self.ok("get_events", {"subscriber": self.name(subscriber), **more})

    def token(self, ahead_us: int = 0) -> str:
        """A new token of a lease or a subscription."""
        return f"{self.store_time + ahead_us}-{uuid4().hex}"

    def close(self) -> None:
        self._session.close()


def store_ops(answer: requests.Response) -> tuple[int, int, int]:
    """Reads, writes and deletes that an answer says it was billed for."""
    found = _OPS.fullmatch(answer.headers["X-Store-Ops"])
    assert found, answer.headers["X-Store-Ops"]
    reads, writes, deletes = map(int, found.groups())
    return reads, writes, deletes
