"""The events: real payloads of GitHub webhooks, over and over under new ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Delivery", "Webhooks", "digest"]

_PAYLOADS = Path(__file__).parents[1] / "tests" / "data" / "github-webhooks.jsonl"


@dataclass(frozen=True)
class Delivery:
    """One webhook, delivered once: what becomes an event."""

    id: str
    type: str
    topic: str
    data: Any


class Webhooks:
    """`total` deliveries, numbered from 0; the same in every process that makes them."""

    def __init__(self, total: int) -> None:
        self.total = total
        with _PAYLOADS.open(encoding="utf-8") as lines:
            self._payloads = [json.loads(line) for line in lines]
        #: one topic for each family of events, in order
        self.topics = sorted({_topic_of(payload["type"]) for payload in self._payloads})

    def __getitem__(self, number: int) -> Delivery:
        payload = self._payloads[number % len(self._payloads)]
        return Delivery(f"delivery-{number:06d}", payload["type"], _topic_of(payload["type"]), payload["data"])

    def share(self, place: int, among: int) -> Iterator[tuple[int, Delivery]]:
        """The deliveries, with their numbers, of one of several publishers."""
        for number in range(place, self.total, among):
            yield number, self[number]

    def expected(self, topics: set[str]) -> dict[str, str]:
        """Of each delivery to one of these topics, by its id, the digest of its payload."""
        digests = [digest(payload["data"]) for payload in self._payloads]
        deliveries = ((number, self[number]) for number in range(self.total))
        return {it.id: digests[number % len(digests)] for number, it in deliveries if it.topic in topics}


def digest(data: Any) -> str:
    """What tells a payload from others, however its JSON is written."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _topic_of(event_type: str) -> str:
    """``github.issues`` of ``com.github.issues.opened``."""
    return ".".join(event_type.split(".")[1:3])
