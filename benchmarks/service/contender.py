"""What every contender can do. Each runs in a process of its own, and its server, if it has one, in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["Contender", "Payload"]

#: an event's data: as a user has it (ours), or already encoded (the others, whose clients take bytes)
Payload = bytes


class Contender(Protocol):
    """A publish/subscribe system as its users use it best. Topics are new to it; every method checks what it did."""

    name: str

    def open(self, topic: str, subscribers: int) -> None:
        """Make a topic with so many subscriptions that get all that is published from now on."""

    def lone(self, topic: str, payloads: Sequence[Payload]) -> list[float]:
        """Publish one after the other, each acknowledged before the next; the seconds that each took."""

    def publish(self, topic: str, payloads: Sequence[Payload], batch: int) -> float:
        """Publish in batches of so many; the seconds until all were acknowledged."""

    def drain(self, topic: str, subscriber: int, count: int, batch: int) -> float:
        """Receive and acknowledge `count` events in batches; the seconds. Raises if any is missing or comes twice."""

    def latencies(self, topic: str, count: int, interval_s: float) -> list[float]:
        """Publish so many, one each `interval_s`, while a subscriber listens; seconds from the publish to the receiver."""

    def resident_mb(self) -> float:
        """Memory of the server."""

    def close(self) -> None:
        """End the client and its server."""
