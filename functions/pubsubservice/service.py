"""The service without HTTP: composes its parts over a store and a runtime, and offers one method per call."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from pubsubservice.admin.describe import Descriptions
from pubsubservice.admin.event_states import LoggedEvent
from pubsubservice.admin.explain import Explanations
from pubsubservice.admin.housekeeping import Housekeeping
from pubsubservice.admin.listing import Listing
from pubsubservice.admin.removal import Removal
from pubsubservice.admin.subscriptions import Subscriptions
from pubsubservice.admin.topic_states import TopicStates
from pubsubservice.core.ownership import Authenticator, check_owner
from pubsubservice.core.problems import NotFound
from pubsubservice.core.runtime import Runtime
from pubsubservice.core.settings import Settings
from pubsubservice.delivery.dead_letters import DeadLetters
from pubsubservice.delivery.get_events import Delivery
from pubsubservice.delivery.peek import Peek, Peeking, PeekResponse
from pubsubservice.delivery.reader import Reader
from pubsubservice.delivery.request import GetEvents
from pubsubservice.delivery.waiters import Waiters
from pubsubservice.events.entry import Entry
from pubsubservice.log.batch_cache import BatchCache
from pubsubservice.log.find_stored import find_stored
from pubsubservice.log.group_commit import Append, GroupCommit
from pubsubservice.log.retention import Expire
from pubsubservice.log.sequence import partition_of
from pubsubservice.log.topics import Topic, Topics
from pubsubservice.log.writer import Log
from pubsubservice.redrive.redriving import Redriving
from pubsubservice.storage.paths import publisher_path
from pubsubservice.storage.port import Store

__all__ = ["Service"]


class Service:
    """The service in one process. All durable state is in the store; a process only holds caches."""

    #: parts that the tests replace by broken ones, to show that the simulation finds the fault
    log_type = Log
    delivery_type = Delivery
    reader_type = Reader
    peeking_type = Peeking
    expire_type = Expire
    subscriptions_type = Subscriptions
    dead_letters_type = DeadLetters
    removal_type = Removal

    def __init__(
        self, store: Store, settings: Settings, runtime: Runtime, identity: Authenticator | None = None
    ) -> None:
        self._store = store
        self._settings = settings
        self.runtime = runtime
        #: identifies callers; None if everybody may use every name
        self.identity = identity
        self._cache = BatchCache(runtime, settings.cache_bytes)
        self.topics = Topics(store, runtime, settings)
        self.subscriptions = self.subscriptions_type(store, runtime, settings, self.topics)
        self.descriptions = Descriptions(store, self.topics)
        self.topic_states = TopicStates(store, self.topics)
        self.listing = Listing(store, self.topics, self.descriptions, self.topic_states)
        self.explanations = Explanations(store, self.topics)
        self.removal = self.removal_type(store, runtime, self.topics, self._publish_dead)
        reader = self.reader_type(store, runtime, settings, self.topics, self._cache)
        dead_letters = self.dead_letters_type(store, runtime, self.topics, reader, self._append_letters)
        waiters = Waiters(runtime, settings.threads // 2)
        self.delivery = self.delivery_type(store, runtime, settings, reader, dead_letters, waiters)
        self.peeking = self.peeking_type(store, runtime, self.topics, reader, waiters)
        expire = self.expire_type(store, self.topics.register)
        self.housekeeping = Housekeeping(store, expire, self.descriptions)
        self.redriving = Redriving(store, runtime, self.subscriptions, self.delivery, self.publish)
        self._logs: OrderedDict[tuple[str, int], GroupCommit] = OrderedDict()
        self._logs_lock = runtime.new_lock()

    def publish(
        self,
        topic: str,
        publisher: str,
        entries: list[Entry],
        since: int | None = None,
        delay_s: float = 0.0,
        *,
        far: bool = False,
    ) -> tuple[int, list[tuple[int, int]]]:
        """Append events to a topic, each once; return the partition, and each event's log index and commit time (µs).

        With `far`, an event that was stored since `since` is recognised however long ago that is.

        Raises BadRequest (413), Conflict (409, 422), Forbidden, Unavailable, StoreError. Acknowledged events are never lost.
        """
        append = Append(publisher, entries, since, delay_ms=round(1_000 * delay_s))
        # comes first: a caller that may not publish under this name must not create the topic either
        self.topics.ensure_publisher(publisher)
        partition = partition_of(publisher, self.topics.ensure(topic))
        self.topics.check_delay(topic, delay_s)
        if far and since is not None:
            self._find_far(append, topic, partition, since)
        if None in append.places:
            self._log(topic, partition).submit(append)
        return partition, [place for place in append.places if place is not None]

    def _find_far(self, append: Append, topic: str, partition: int, since: int) -> None:
        """Set the places of events that are stored already, and have the log look back only to where the search began."""
        append.places, append.since = find_stored(
            self._store,
            self._cache,
            (topic, partition),
            append.publisher,
            append.entries,
            since,
            window_us=self._settings.once_us,
            max_batches=self._settings.far_batches,
        )
        append.unlimited_lookback = True

    def _append_letters(self, topic: Topic, publisher: str, entries: list[Entry], since: int) -> None:
        """Append dead letters to their topic."""
        append = Append(publisher, entries, since, unlimited_lookback=True)
        self._log(topic.name, partition_of(publisher, topic.partitions)).submit(append)

    def _publish_dead(self, subscriber: str) -> None:
        """Publish a subscriber's dead letters, as a call of get_events that asks for nothing does."""
        self.delivery.get_events(GetEvents(subscriber, max_events=0))

    def show(self, kind: str, name: str) -> dict[str, Any]:
        """Describe what is registered under a name. Raises NotFound, Forbidden, StoreError."""
        if kind == "subscriber":
            return self.descriptions.state(name)
        if kind == "topic":
            return self.topic_states.state(name)
        publisher = self._store.get_many([publisher_path(name)]).docs[0]
        if publisher is None:
            raise NotFound("unknown_publisher", f"No publisher is registered under the name {name!r}.")
        check_owner("publisher", name, publisher.data.get("owner"))
        return {"publisher": name}

    def peek(self, request: Peek) -> PeekResponse:
        """Return events of topics without a subscriber; raises as `Peeking.peek`, and NotFound and Forbidden for `of`."""
        response = self.peeking.peek(request)
        if request.of is None:
            return response
        events = (
            (slice_.topic, LoggedEvent(slice_.span.partition, slice_.span.first + offset, line))
            for slice_ in response.slices
            for offset, line in zip(slice_.offsets, slice_.lines, strict=True)
        )
        return response._replace(states=self.explanations.states(request.of, events))

    def _identities_of_a_log(self, *, looked_back: bool) -> int:
        settings = self._settings
        identities = settings.looked_back_identities if looked_back else settings.known_identities
        return identities // max(1, len(self._logs))

    def _log(self, topic: str, partition: int) -> GroupCommit:
        key = (topic, partition)
        with self._logs_lock:
            found = self._logs.get(key)
            if found is None:
                log = self.log_type(
                    self._store, self.runtime, self._settings, self._cache, topic, partition, self._identities_of_a_log
                )
                found = self._logs[key] = GroupCommit(self.runtime, log.commit)
                if len(self._logs) > self._settings.known_logs:
                    self._logs.popitem(last=False)
            self._logs.move_to_end(key)
            return found
