"""Scheduled maintenance: retention, and one log line per subscription for monitoring.

Each run does a bounded amount of work. A run that reaches a limit stores where it stopped in a checkpoint document, and the
next run continues there. No checkpoint is ever written while runs finish within their limits.
"""

from __future__ import annotations

from collections import Counter

from pubsubservice.admin.describe import Descriptions
from pubsubservice.core.meter import meter
from pubsubservice.core.patterns import is_pattern
from pubsubservice.core.request_log import log_subscription, logs_subscriptions
from pubsubservice.log.retention import Expire, Expired
from pubsubservice.storage.format import FORMAT, check_format
from pubsubservice.storage.port import Changed, Doc, Exists, Fields, Store, Unknown
from pubsubservice.subscribers.state import State

__all__ = ["Housekeeping"]

_CHECKPOINT = "system/expire"
#: batches deleted by one run, unless the caller says otherwise
_MAX_BATCHES = 10_000
#: subscribers read at once; each document has up to one megabyte
_PAGE = 10
#: reads for log lines after which a run stops before the next subscriber
_MAX_READS = 500


class Housekeeping:
    """Runs in requests of a scheduler; concurrent runs are harmless."""

    def __init__(self, store: Store, expire: Expire, descriptions: Descriptions) -> None:
        self._store = store
        self._expire = expire
        self._descriptions = descriptions

    def run(self, max_batches: int = _MAX_BATCHES) -> Expired:
        """Delete at most `max_batches` batches and write log lines. Raises StoreError, Unavailable; the next run continues."""
        checkpoint = self._store.get_many([_CHECKPOINT]).docs[0]
        topic, subscriber = "", ""
        if checkpoint is not None:
            check_format(checkpoint)
            topic, subscriber = str(checkpoint.data["topic"]), str(checkpoint.data["subscriber"])
        done = self._expire.run(max_batches, topic)
        following = self._log_subscriptions(subscriber) if logs_subscriptions() else subscriber
        self._write(checkpoint, {"format": FORMAT, "topic": done.after, "subscriber": following})
        return done

    def _write(self, checkpoint: Doc | None, data: Fields) -> None:
        try:
            if checkpoint is None:
                if data["topic"] or data["subscriber"]:
                    self._store.create(_CHECKPOINT, data)
            elif (checkpoint.data["topic"], checkpoint.data["subscriber"]) != (data["topic"], data["subscriber"]):
                self._store.update(_CHECKPOINT, data, checkpoint.updated)
        except (Exists, Changed, Unknown):
            pass  # a concurrent run has written its checkpoint, which is as good

    def _log_subscriptions(self, after: str) -> str:
        """Log the subscribers after the name `after`; return the name after which the next run continues, "" at the end."""
        before, first = meter().reads, after
        while True:
            page = self._store.list("subscribers", after=after or None, limit=_PAGE)
            for doc in page.docs:
                if after != first and meter().reads - before >= _MAX_READS:
                    return after
                state = State.read(doc)
                self._descriptions.catch_up(state)
                dead = Counter(event.topic for event in state.dead)
                for name, backlog, age_s in self._descriptions.backlogs(state, page.time):
                    if not is_pattern(name):
                        dropped = state.subscriptions[name].dropped if name in state.subscriptions else 0
                        log_subscription(state.name, name, backlog, age_s, dead=dead[name], dropped=dropped)
                after = state.name
            if len(page.docs) < _PAGE:
                return ""
