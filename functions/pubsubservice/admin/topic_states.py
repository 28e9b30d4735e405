"""Describes topics: their settings, and where each of their logs begins and ends."""

from __future__ import annotations

from typing import Any

from pubsubservice.core.problems import NotFound
from pubsubservice.core.times import rfc3339
from pubsubservice.log.seek import Extent, Seeker
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.log.topics import Topic, Topics
from pubsubservice.storage.port import Store

__all__ = ["MAX_SHOWN_LOGS", "TopicStates"]

#: logs of a topic whose beginning and end are shown; of a topic with more, none are
MAX_SHOWN_LOGS = 100


class TopicStates:
    """Reads what a topic's document does not hold."""

    def __init__(self, store: Store, topics: Topics) -> None:
        self._topics = topics
        self._seeker = Seeker(store)

    def state(self, name: str) -> dict[str, Any]:
        """Describe a topic, in one read and two per partition. Raises NotFound, Unavailable, StoreError."""
        topic = self._topics.get(name)
        if topic is None:
            raise NotFound("unknown_topic", f"No topic is registered under the name {name!r}.")
        return self.described(topic)

    def described(self, topic: Topic) -> dict[str, Any]:
        """Describe a topic whose settings are known, in two reads per partition."""
        members = {**topic.as_json(), "dead_letter": topic.dead_letter}
        if topic.partitions > MAX_SHOWN_LOGS:
            return members
        extents = self._seeker.extents(topic.name, topic.partitions)
        events = sum(extent.next_index - extent.first_index for extent in extents)
        return {**members, "events": events, "logs": [_log(*log) for log in enumerate(extents)]}


def _log(partition: int, extent: Extent) -> dict[str, str]:
    prefix = sequence_prefix(partition)
    members = {"first": f"{prefix}{extent.first_index:020d}", "next": f"{prefix}{extent.next_index:020d}"}
    return members if extent.newest is None else {**members, "newest": rfc3339(extent.newest)}
