"""Subscribers and what they subscribe to: register, subscribe, seek, unsubscribe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pubsubservice.admin.describe import describe, described
from pubsubservice.core.names import dead_letters_of
from pubsubservice.core.ownership import check_owner
from pubsubservice.core.patterns import is_pattern
from pubsubservice.core.problems import BadRequest, Conflict, NotFound, Unavailable
from pubsubservice.core.runtime import Runtime
from pubsubservice.core.settings import Settings
from pubsubservice.log.claims import check_left_behind, claim
from pubsubservice.log.position import Position
from pubsubservice.log.registry import Registry
from pubsubservice.log.seek import EARLIEST, LATEST, Seeker, StartPosition
from pubsubservice.log.topics import Topics
from pubsubservice.storage.optimistic import attempts, replace
from pubsubservice.storage.paths import subscriber_path
from pubsubservice.storage.port import Exists, Store
from pubsubservice.subscribers.leases import forget_subscription
from pubsubservice.subscribers.pattern_topics import (
    MAX_SUBSCRIPTION_BYTES,
    bring_in,
    drop_topics,
    followed_logs,
    has_room,
    leave_pattern,
    leave_topic,
    pattern_of,
    patterns,
    reroute,
)
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.state import MAX_LOGS, State, unknown_subscriber
from pubsubservice.subscribers.tokens import check_not_ahead, is_of_earlier_life, make_token, token_time

__all__ = ["Subscribe", "Subscriptions"]


class Subscribe(NamedTuple):
    """A checked request to subscribe; a setting that is None is kept, or gets its default in a new subscription."""

    subscriber: str
    #: a topic, or a pattern of topics
    topic: str
    #: where a new subscription begins; ignored for an existing one
    start: StartPosition | None = None
    #: where to move a new or existing subscription to; for a pattern, all topics followed through it
    seek: StartPosition | None = None
    #: in their stored form; empty for no filters
    filters: bytes | None = None
    #: the settings that are given, by name (see `records.SETTINGS`)
    settings: Mapping[str, Any] = MappingProxyType({})
    token: str | None = None
    #: whether a missing subscription is created
    create: bool = True


class Subscriptions:
    """Registers subscribers and changes their subscriptions."""

    def __init__(self, store: Store, runtime: Runtime, settings: Settings, topics: Topics) -> None:
        self._store = store
        self._runtime = runtime
        self._settings = settings
        self._topics = topics
        self._seeker = Seeker(store)
        self._registry = Registry(store, runtime)

    def register(self, name: str) -> tuple[dict[str, Any], bool]:
        """Get or create a subscriber; return its description, and whether it was created. Raises Forbidden."""
        path = subscriber_path(name)
        doc = self._store.get_many([path]).docs[0]
        state = State.new(name)
        if doc is None:
            check_left_behind(self._store, name)
            try:
                self._store.create(path, {**state.fields(), "owner": claim(self._store, "subscriber", name).owner})
            except Exists:  # another request created it first, perhaps of another identity
                doc = self._store.get_many([path]).docs[0]
        if doc is not None:
            check_owner("subscriber", name, doc.data.get("owner"))
            state = State.read(doc)
        return {"subscriber": name, "subscriptions": described(state)}, doc is None

    def subscribe(self, request: Subscribe) -> dict[str, Any]:
        """Subscribe to a topic or a pattern, or change a subscription; return its description.

        Raises NotFound, Forbidden, Conflict, BadRequest, Unavailable, StoreError.
        """

        def change(state: State) -> None:
            old = state.subscriptions.get(request.topic)
            new = old is None
            if not request.create:
                self._check_exists(state, request)
            if is_pattern(request.topic):
                self._subscribe_to_pattern(state, request)
            else:
                self._subscribe_to_topic(state, request)
            _set(state.subscriptions[request.topic], request)
            # a seek changes no settings: a topic followed through a pattern keeps the pattern's
            if request.create and (old is None or old.via or request.settings.get("dead_letter_topic")):
                letters = state.subscriptions[request.topic].dead_letter_topic or dead_letters_of(state.name)
                self._topics.check_dead_letter_topic(letters, state.name, state.owner)
            grows = new or request.filters or request.settings.get("dead_letter_topic")
            if grows and not has_room(state):
                raise BadRequest(
                    "too_many_subscriptions",
                    f"With {request.topic!r} the subscriber would follow {followed_logs(state)} logs: at most {MAX_LOGS} are "
                    "expected (a topic has one per partition), and at most "
                    f"{MAX_SUBSCRIPTION_BYTES} bytes of names, filters and positions.",
                )

        state = self._change(request.subscriber, request.token, change)
        if request.topic not in state.subscriptions:
            raise BadRequest(
                "invalid_token", f"The token {request.token!r} was used for another change; make a new one for each."
            )
        return describe(state, request.topic)

    def unsubscribe(self, subscriber: str, topic: str, token: str | None) -> None:
        """End a subscription and drop its leased and due events; without a subscription nothing changes.

        A topic that a pattern matches is followed through that pattern from its current position.
        """

        def change(state: State) -> None:
            subscription = state.subscriptions.get(topic)
            if subscription is None or subscription.via:
                return
            if is_pattern(topic):
                leave_pattern(state, topic)
            else:
                found = self._topics.get(topic) if patterns(state) else None
                leave_topic(state, topic, dead_letters=found is not None and found.dead_letter)

        self._change(subscriber, token, change)

    def _check_exists(self, state: State, request: Subscribe) -> None:
        """Raise NotFound if there is no subscription to change. A topic that only matches a pattern allows a seek."""
        topic = request.topic
        subscription = state.subscriptions.get(topic)
        if subscription is None:
            pattern = None if is_pattern(topic) or request.seek is None else pattern_of(state, topic)
            found = self._topics.get(topic) if pattern else None
            if pattern is None or found is None or found.dead_letter:
                raise NotFound("unknown_subscription", f"{state.name!r} is not subscribed to {topic!r}.")
            subscription = bring_in(state, topic, pattern, [])
        if subscription.via and (request.settings or request.filters is not None):
            raise NotFound(
                "unknown_subscription",
                f"{state.name!r} is not subscribed to {topic!r} by name; the settings of {subscription.via!r} count for it.",
            )

    def _subscribe_to_topic(self, state: State, request: Subscribe) -> None:
        old = state.subscriptions.get(request.topic)
        if old is None or (old.via and request.create):
            subscription = Subscription(0, self._settings.ack_deadline_s)
            if old is not None:  # it continues at the pattern's position
                subscription.number, subscription.positions, subscription.starts = old.number, old.positions, old.starts
            state.subscriptions[request.topic] = subscription
        place = request.seek if request.seek is not None else None if old else request.start or EARLIEST
        if place is not None:
            self._seek(state, request.topic, place)

    def _seek(self, state: State, topic: str, place: StartPosition) -> None:
        """Restart at a position under a new number. Leased and due events are dropped; dead events are still published."""
        subscription = state.subscriptions[topic]
        self._forget(state, subscription.number)
        subscription.number = state.new_number()
        found = self._topics.get(topic)
        positions: list[Position] = []
        if found is not None:
            positions = self._seeker.positions(topic, found.partitions, place)
        elif isinstance(place, tuple) and place:
            raise BadRequest(
                "invalid_position", f"The topic {topic!r} does not exist yet, so nothing has a position in it."
            )
        subscription.positions = positions
        subscription.starts = [position.index for position in positions]

    def _subscribe_to_pattern(self, state: State, request: Subscribe) -> None:
        pattern = request.topic
        new = pattern not in state.subscriptions
        if new:
            state.subscriptions[pattern] = Subscription(state.new_number(), self._settings.ack_deadline_s)
            reroute(state)
        place = request.seek if request.seek is not None else (request.start or EARLIEST) if new else None
        if place is None:
            return
        # the next calls of get_events find its topics in the registry
        subscription = state.subscriptions[pattern]
        subscription.upto, now = self._registry.tail()
        subscription.begin = now + 1 if place == LATEST else place if isinstance(place, int) else 0
        if request.seek is not None:
            drop_topics(state, pattern)
        state.registry = Position()

    def _change(self, subscriber: str, token: str | None, change: Callable[[State], None]) -> State:
        """Apply a change once per token. A repeated token changes nothing; an older one raises Conflict.

        Without a token of the caller's, each try makes its own: a change that overtakes one does not make it old.
        """
        path = subscriber_path(subscriber)
        tokens = [token] if token else []
        for _ in attempts(self._runtime):
            reads = self._store.get_many([path])
            doc = reads.docs[0]
            if doc is None:
                raise unknown_subscriber(subscriber)
            check_owner("subscriber", subscriber, doc.data.get("owner"))
            state = State.read(doc)
            if state.changed and state.changed in tokens:
                return state
            if token is None:
                tokens.append(make_token(max(reads.time, doc.created), self._runtime.random()))
            tried = tokens[-1]
            check_not_ahead(tried, reads.time)
            if self._is_old(tried, state):
                raise Conflict(
                    "older_token",
                    f"The subscriptions of {subscriber!r} were changed by a later call; this one ({tried}) changes nothing.",
                )
            self._check_life(tried, state)
            change(state)
            state.changed = tried
            if replace(self._store, doc, state.fields()):
                return state
        raise Unavailable("contended", f"The subscriber {subscriber!r} was changed by too many at once; try again.")

    def _check_life(self, token: str, state: State) -> None:
        """Raise Conflict if a token was made before the subscriber was registered: for an earlier life of its name."""
        if is_of_earlier_life(token, state.created):
            raise Conflict(
                "older_token",
                f"The subscriber {state.name!r} was registered after this request was made ({token}); nothing was changed.",
            )

    def _is_old(self, token: str, state: State) -> bool:
        """Whether a call with a newer token has already changed the subscriptions."""
        return bool(state.changed) and _order(token) < _order(state.changed)

    def _forget(self, state: State, number: int) -> None:
        """Drop the events leased or due before a seek: else they would be redelivered, and acks of them would be lost."""
        forget_subscription(state, number)


def _set(subscription: Subscription, request: Subscribe) -> None:
    """Replace the settings that the request names."""
    for name, given in request.settings.items():
        setattr(subscription, name, given)
    if request.filters is not None:
        subscription.filters = request.filters


def _order(token: str) -> tuple[int, str]:
    return token_time(token), token
