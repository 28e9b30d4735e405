"""The rows of `pubsub ls`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from pubsubclient._core.attributes import parse_time
from pubsubclient.cli.text import ago, words

__all__ = ["HEADS", "ROWS", "Rates"]

HEADS = {
    "topic": ["TOPIC", "PARTITIONS", "RETENTION", "EVENTS", "NEWEST"],
    "subscriber": ["SUBSCRIBER", "TOPICS", "BACKLOG", "OLDEST", "LEASED", "DUE", "DELAYED", "DEAD"],
    "publisher": ["PUBLISHER"],
}


class Rates:
    """How many events per second topics have had since the last list."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, int]] = {}

    def of(self, topic: str, logs: Sequence[Mapping[str, Any]]) -> str:
        """Return the rate of a topic in words; empty the first time."""
        if not logs:
            return ""
        now, ever = time.monotonic(), sum(int(log["next"].rpartition("-")[2]) for log in logs)
        then, had = self._before.get(topic, (now, ever))
        self._before[topic] = now, ever
        return f" (+{(ever - had) / (now - then):.1f}/s)" if now > then else ""


def _topic(body: Mapping[str, Any], rates: Rates) -> list[str]:
    logs = body.get("logs") or []
    newest = max((parse_time(log["newest"]) for log in logs if log.get("newest")), default=None)
    name = body["topic"] + (" (dead letters)" if body.get("dead_letter") else "")
    events = str(body.get("events", "-")) + rates.of(body["topic"], logs)
    return [name, str(body["partitions"]), words(body["retention_s"]), events, ago(newest, datetime.now(timezone.utc))]


def _subscriber(body: Mapping[str, Any], _: object) -> list[str]:
    counts = [str(body.get(each, 0)) for each in ("due", "delayed", "dead")]
    leased = str(max(0, body.get("unsettled", 0) - body.get("due", 0)))
    topics, backlog = str(len(body["subscriptions"])), str(body.get("backlog", 0))
    return [body["subscriber"], topics, backlog, words(body.get("oldest_unsettled_age_s")), leased, *counts]


def _publisher(body: Mapping[str, Any], _: object) -> list[str]:
    return [body["publisher"]]


#: the cells of a name's description, by kind
ROWS: dict[str, Callable[[Mapping[str, Any], Rates], list[str]]] = {
    "topic": _topic, "subscriber": _subscriber, "publisher": _publisher,
}  # fmt: skip
