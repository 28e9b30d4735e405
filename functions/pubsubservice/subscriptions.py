"""Subscribers and what they subscribe to: register, subscribe, unsubscribe, and their state for people to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pubsubservice.batch import HEAD_FIELDS
from pubsubservice.expire import TrimPoint
from pubsubservice.leases import forget_subscription
from pubsubservice.names import batches, log_path, rfc3339, seq_of, sequence_prefix, subscriber_path
from pubsubservice.ownership import check_owner, new_owner
from pubsubservice.problems import BadRequest, Conflict, Unavailable
from pubsubservice.runtime import Runtime, back_off
from pubsubservice.settings import Settings
from pubsubservice.state import State, unknown_subscriber
from pubsubservice.store import Changed, Exists, Refused, Store, Unknown
from pubsubservice.subscriber import Position, Subscription
from pubsubservice.tokens import check_not_ahead, make_token, token_time
from pubsubservice.topics import Topics

__all__ = ["Subscribe", "Subscriptions"]

_MAX_TRIES = 14
MAX_LOGS = 1_000


class Subscribe(NamedTuple):
    """A checked request to subscribe; what is None stays as it is, or gets its default in a new subscription."""

    subscriber: str
    topic: str
    #: "earliest" or "latest"; counts only when the subscription is new
    start: str | None = None
    ack_deadline_s: int | None = None
    token: str | None = None


class Subscriptions:
    """The subscribers of a store."""

    def __init__(self, store: Store, runtime: Runtime, settings: Settings, topics: Topics) -> None:
        self._store = store
        self._runtime = runtime
        self._settings = settings
        self._topics = topics

    def register(self, name: str) -> tuple[dict[str, Any], bool]:
        """Get or create a subscriber; returns what it subscribes to, and whether it was created. Raises Forbidden."""
        path = subscriber_path(name)
        doc = self._store.get_many([path]).docs[0]
        state = State.new(name)
        if doc is None:
            try:
                self._store.create(path, {**state.fields(), "owner": new_owner()})
            except Exists:  # another request was first, maybe another identity's
                doc = self._store.get_many([path]).docs[0]
        if doc is not None:
            check_owner("subscriber", name, doc.data.get("owner"))
            state = State.read(doc)
        described = [_describe(topic, subscription) for topic, subscription in state.subscriptions.items()]
        return {"subscriber": name, "subscriptions": described}, doc is None

    def subscribe(self, request: Subscribe) -> dict[str, Any]:
        """Subscribe to a topic, or change a subscription; returns it. Raises NotFound, Conflict, BadRequest, Unavailable."""

        def change(state: State) -> None:
            subscription = state.subscriptions.get(request.topic)
            if subscription is None:
                subscription = Subscription(state.next_number, self._settings.ack_deadline_s)
                subscription.positions = self._start(request.topic, request.start or "earliest")
                logs = sum(max(1, len(other.positions)) for other in state.subscriptions.values())
                if logs + max(1, len(subscription.positions)) > MAX_LOGS:
                    raise BadRequest(
                        "too_many_subscriptions",
                        f"A subscriber follows at most {MAX_LOGS} logs (a topic has one per partition); it follows {logs}.",
                    )
                state.next_number += 1
                state.subscriptions[request.topic] = subscription
            if request.ack_deadline_s is not None:
                subscription.ack_deadline_s = request.ack_deadline_s

        state = self._change(request.subscriber, request.token, change)
        return _describe(request.topic, state.subscriptions[request.topic])

    def unsubscribe(self, subscriber: str, topic: str, token: str | None) -> None:
        """Leave a topic and forget what is leased or due of it; nothing happens if it was not subscribed to."""

        def change(state: State) -> None:
            subscription = state.subscriptions.get(topic)
            if subscription is not None:
                forget_subscription(state, subscription.number)
                del state.subscriptions[topic]
                state.lost.pop(topic, None)

        self._change(subscriber, token, change)

    def state(self, name: str) -> dict[str, Any]:
        """A subscriber's state: its subscriptions, how far each is, and what is unsettled. Raises NotFound."""
        reads = self._store.get_many([subscriber_path(name)])
        doc = reads.docs[0]
        if doc is None:
            raise unknown_subscriber(name)
        check_owner("subscriber", name, doc.data.get("owner"))
        state = State.read(doc)
        return {
            "subscriber": name,
            "subscriptions": [
                {
                    **_describe(topic, subscription),
                    **self._backlog(topic, subscription),
                    "lost": state.lost.get(topic, 0),
                }
                for topic, subscription in state.subscriptions.items()
            ],
            "unsettled": state.unsettled(reads.time),
            "leases": [
                {
                    "lease": token,
                    "until": rfc3339(lease.until),
                    "attempt": lease.attempt,
                    "events": lease.left.bit_count(),
                }
                for token, lease in state.leases.items()
            ],
            "due": sum(due.left.bit_count() for due in state.due),
        }

    def _start(self, topic: str, start: str) -> list[Position]:
        """Where a new subscription begins; nowhere yet when the topic does not exist."""
        found = self._topics.get(topic)
        if found is None:
            return []
        if start == "latest":
            return [self._tail(topic, partition) for partition in range(found.partitions)]
        logs = self._store.get_many([log_path(topic, partition) for partition in range(found.partitions)])
        points = [TrimPoint.read(doc) for doc in logs.docs]
        return [Position(point.seq + 1, 0, point.next_index) for point in points]

    def _tail(self, topic: str, partition: int) -> Position:
        page = self._store.list(batches(topic, partition), limit=1, fields=HEAD_FIELDS)
        if not page.docs:
            return Position(1, 0, 0, page.time)
        newest = page.docs[0]
        end = int(newest.data["first"] or 0) + int(newest.data["count"] or 0)
        return Position(seq_of(newest.path) + 1, 0, end, page.time)

    def _backlog(self, topic: str, subscription: Subscription) -> dict[str, int]:
        """Events between a subscription's positions and the tails: one read a log."""
        backlog = 0
        for partition, position in enumerate(subscription.positions):
            backlog += max(0, self._tail(topic, partition).index - position.index)
        return {"backlog": backlog}

    def _change(self, subscriber: str, token: str | None, change: Callable[[State], None]) -> State:
        """Change a subscriber's document once per token: an equal one is done, an older one is refused."""
        path = subscriber_path(subscriber)
        for tries in range(_MAX_TRIES):
            reads = self._store.get_many([path])
            doc = reads.docs[0]
            if doc is None:
                raise unknown_subscriber(subscriber)
            check_owner("subscriber", subscriber, doc.data.get("owner"))
            token = token or make_token(reads.time, self._runtime.random())
            check_not_ahead(token, reads.time)
            state = State.read(doc)
            if state.changed and token == state.changed:
                return state
            if state.changed and _order(token) < _order(state.changed):
                raise Conflict(
                    "older_token",
                    f"The subscriptions of {subscriber!r} were changed by a later call; this one ({token}) changes nothing.",
                )
            change(state)
            state.changed = token
            try:
                self._store.update(path, {**doc.data, **state.fields()}, doc.updated)
            except (Changed, Unknown, Refused) as e:
                if isinstance(e, Refused) and not e.busy:
                    raise
                back_off(self._runtime, tries)
            else:
                return state
        raise Unavailable("contended", f"The subscriber {subscriber!r} was changed by too many at once; try again.")


def _order(token: str) -> tuple[int, str]:
    return token_time(token), token


def _describe(topic: str, subscription: Subscription) -> dict[str, Any]:
    return {
        "topic": topic,
        "ack_deadline_s": subscription.ack_deadline_s,
        "position": [
            f"{sequence_prefix(partition)}{position.index:020d}"
            for partition, position in enumerate(subscription.positions)
        ],
    }
