"""The service without one rule of retention each: of what is to come, and of who is gone."""

from __future__ import annotations

from typing import Any

from pubsubservice.log.retention import Expire
from pubsubservice.log.trim_point import TrimPoint
from pubsubservice.service import Service
from pubsubservice.storage.paths import batch_path, batches, seq_of
from pubsubservice.subscribers.registry_cursor import CaughtUp

__all__ = ["RETENTION_RULES"]


class AnyDelay(Service):
    """A delay may be as long as its topic keeps events, or longer."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.topics.check_delay = lambda topic, delay_s: None  # type: ignore[method-assign]


class DelayedTaken(Service):
    """Retention counts from when an event was published, not from when it may be got."""

    class expire_type(Expire):
        def _next_trim_point(
            self, topic: str, partition: int, point: TrimPoint, retention_us: int, max_batches: int
        ) -> tuple[TrimPoint, bool]:
            tail = self._store.list(batches(topic, partition), limit=1, fields=("format",))
            last = seq_of(tail.docs[0].path) if tail.docs else 0
            bound = point.seq + max_batches
            while point.seq + 1 < min(last, bound + 1):
                seq = point.seq + 1
                reads = self._store.get_many([batch_path(topic, partition, seq)], fields=("format", "first", "count"))
                doc = reads.docs[0]
                if doc is None or reads.time - doc.created < retention_us:
                    break
                point = TrimPoint(seq, int(doc.data["first"] or 0) + int(doc.data["count"] or 0))
            return point, point.seq >= bound


class UnmetUncounted(Service):
    """A subscriber that is gone is told to miss nothing of topics that it has not met."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.descriptions.catch_up = lambda state: CaughtUp(set(), more=False)  # type: ignore[method-assign]


#: each rule, and the service that lacks it
RETENTION_RULES: dict[str, type[Service]] = {
    "a delay is at most half of the retention": AnyDelay,
    "a lower retention takes nothing delayed": DelayedTaken,
    "topics not met yet count": UnmetUncounted,
}
