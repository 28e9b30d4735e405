"""What runs from time to time beside the calls: retention, and one log line a subscription for whoever watches over them.

Each run does a bounded amount of work. One that met a bound leaves a note of where it was, and the next one goes on there;
where a run gets through everything, no note is ever written.
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

_NOTE = "system/expire"
#: batches deleted by one run, unless the caller says otherwise
_MAX_BATCHES = 10_000
#: subscribers read at once: each document has up to a megabyte
_PAGE = 10
#: reads for log lines after which a run stops, at the next subscriber
_MAX_READS = 500


class Housekeeping:
    """Runs in a request of its own, which a scheduler sends; several at once are harmless."""

    def __init__(self, store: Store, expire: Expire, descriptions: Descriptions) -> None:
        self._store = store
        self._expire = expire
        self._descriptions = descriptions

    def run(self, max_batches: int = _MAX_BATCHES) -> Expired:
        """Delete at most `max_batches` batches; raises StoreError, Unavailable, after which the next run goes on."""
        note = self._store.get_many([_NOTE]).docs[0]
        topic, subscriber = "", ""
        if note is not None:
            check_format(note)
            topic, subscriber = str(note.data["topic"]), str(note.data["subscriber"])
        done = self._expire.run(max_batches, topic)
        following = self._log_subscriptions(subscriber) if logs_subscriptions() else subscriber
        self._write(note, {"format": FORMAT, "topic": done.after, "subscriber": following})
        return done

    def _write(self, note: Doc | None, data: Fields) -> None:
        try:
            if note is None:
                if data["topic"] or data["subscriber"]:
                    self._store.create(_NOTE, data)
            elif (note.data["topic"], note.data["subscriber"]) != (data["topic"], data["subscriber"]):
                self._store.update(_NOTE, data, note.updated)
        except (Exists, Changed, Unknown):
            pass  # another run has written its own, which does as well

    def _log_subscriptions(self, after: str) -> str:
        """Write the lines of subscribers behind `after`; returns behind which one the next run goes on."""
        before, first = meter().reads, after
        while True:
            page = self._store.list("subscribers", after=after or None, limit=_PAGE)
            for doc in page.docs:
                if after != first and meter().reads - before >= _MAX_READS:
                    return after
                state = State.read(doc)
                self._descriptions.catch_up(state)
                dead = Counter(one.topic for one in state.dead)
                for name, backlog, age_s in self._descriptions.backlogs(state, page.time):
                    if not is_pattern(name):
                        dropped = state.subscriptions[name].dropped if name in state.subscriptions else 0
                        log_subscription(state.name, name, backlog, age_s, dead=dead[name], dropped=dropped)
                after = state.name
            if len(page.docs) < _PAGE:
                return ""
