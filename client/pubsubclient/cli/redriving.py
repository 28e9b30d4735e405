"""The requests of `pubsub redrive`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pubsubclient._http.transport import Transport
from pubsubclient.cli.peeking import Filters

__all__ = ["parts_of", "steps"]

#: ids of one request: a filter has at most 100 comparisons
_IDS = 90


def parts_of(ids: Sequence[str], filters: Filters, *, chosen: bool) -> Iterator[Filters]:
    """Yield the filters of each request."""
    if not chosen:
        yield filters
        return
    for first in range(0, len(ids), _IDS):
        yield [{"any": [{"exact": {"id": each}} for each in ids[first : first + _IDS]]}]


def steps(transport: Transport, subscriber: str, topic: str, parts: Iterator[Filters]) -> Iterator[dict[str, Any]]:
    """Yield the responses; a request is repeated with its token until there are no more. Raises ServiceError, Unavailable."""
    for filters in parts:
        token: str | None = None
        while True:
            body: dict[str, Any] = {"subscriber": subscriber, "topic": topic, "redrive": {"filters": filters}}
            step = transport.call("subscribe", {**body, "token": token} if token else body).body
            yield step
            if not step["more"]:
                break
            token = step["token"]
