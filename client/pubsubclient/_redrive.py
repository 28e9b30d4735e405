"""Dead letters on their way back to the topics that they came from."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Sequence
from typing import Any

from pubsubclient._ends import EXIT_DEADLINE_S
from pubsubclient._errors import PubSubError
from pubsubclient._event import Event, ReceivedEvent
from pubsubclient._fetch import Fetch, to_us
from pubsubclient._filters import Filters, accepted
from pubsubclient._holdings import Holdings, add_remainders
from pubsubclient._lease import Lease
from pubsubclient._names import stands_for
from pubsubclient._publish_errors import PublishError
from pubsubclient._publisher import Publisher
from pubsubclient._receipts import Receipt
from pubsubclient._state import SubscriberState
from pubsubclient._transport import Transport

__all__ = ["redrive"]

#: dead letters leased at once
_AT_ONCE = 1_000
#: leases are extended from half of this on; what a killed redrive held comes again after it
_ACK_DEADLINE_S = 60
#: a dead letter that fails once more is settled for good: redrives that are killed must not use up its attempts
_MAX_ATTEMPTS = 100
_MAX_NAME = 250

#: what a dead letter has that the event it tells of had not
_OF_DEAD_LETTERS = frozenset({"originalid", "originalsource", "originaltopic", "reason", "attempts"})

_log = logging.getLogger(__name__)


def redrive(transport: Transport, state: SubscriberState, topics: str, filters: Filters) -> int:
    """Move dead letters of a subscriber, out of each dead-letter topic that its subscriptions to `topics` name.

    See `Subscriber.redrive`.
    """
    sources = {
        subscription.dead_letter_topic
        for subscription in state.subscriptions
        if subscription.topic == topics or stands_for(topics, subscription.topic)
    }
    sources = sources or {f"{state.subscriber}.dead"}
    return sum(_Redrive(transport, state.subscriber, topics, filters).run(source) for source in sorted(sources))


class _Redrive:
    """Moves dead letters of one subscriber out of one dead-letter topic.

    They are read under a subscriber of its own, which remembers what was moved: a dead letter is acknowledged when it was
    published, and what is passed over is released in the end, for another redrive. It is published under an id made
    from the dead letter's, so that a redrive that was killed between the two stores nothing twice if it is
    tried again within 10 minutes.

    Args:
        subscriber: whose dead letters
        topics: those of events of this topic, or of topics that this pattern stands for
        filters: those that all of these filters accept
    """

    def __init__(self, transport: Transport, subscriber: str, topics: str, filters: Filters) -> None:
        self._transport = transport
        self._for = subscriber
        self._name = _redriver_of(subscriber)
        self._topics = topics
        self._filters = filters
        self._holdings = Holdings(transport, self._name)
        #: of events that were published: a dead letter of one of them is not moved by the same redrive
        self._moved: set[str] = set()
        #: leases with dead letters that were passed over; the last may hold some to be moved
        self._held: list[Lease] = []
        #: published and not yet acknowledged
        self._done: list[dict[str, Any]] = []

    def run(self, dead_letter_topic: str) -> int:
        """Move them; returns how many. Raises PublishError, ServiceError, Unavailable: those moved so far stay moved."""
        publisher = Publisher(self._name, service=self._transport.service)
        self._transport.call("register", {"subscriber": self._name})
        self._subscribe(dead_letter_topic)
        moved = 0
        try:
            while letters := self._fetch():
                moved += self._move(publisher, letters)
        except BaseException:
            try:
                self._let_go(EXIT_DEADLINE_S)
            except PubSubError as e:
                # the exception on its way out says more than that
                _log.warning("Subscriber %s: dead letters may be moved once more: %s", self._for, e)
            raise
        self._let_go(None)
        return moved

    def _subscribe(self, dead_letter_topic: str) -> None:
        request = {
            "subscriber": self._name,
            "topic": dead_letter_topic,
            "filters": [{"exact": {"source": f"/subscribers/{self._for}"}}],
            "ack_deadline_s": _ACK_DEADLINE_S,
            "max_attempts": _MAX_ATTEMPTS,
        }
        # without a token it is newer than any change, and made twice it is the same
        self._transport.call("subscribe", request)

    def _fetch(self) -> list[ReceivedEvent]:
        extended = [lease for lease in self._held if lease.half_over]
        settlements = {"ack": self._done, "extend": [lease.extension() for lease in extended]}
        fetch = Fetch(
            self._transport,
            self._name,
            self._holdings,
            _AT_ONCE,
            0,
            {verb: named for verb, named in settlements.items() if named},
        )
        events = fetch.run()
        self._done = []
        self._held += fetch.leases
        if not events and events.more:
            _log.warning("Subscriber %s: too many dead letters are passed over to see more of them", self._for)
        return events

    def _move(self, publisher: Publisher, letters: list[ReceivedEvent]) -> int:
        wanted = [letter for letter in letters if self._is_wanted(letter)]
        events = [self._event_of(letter) for letter in wanted]
        self._moved.update(event.id for event in events)
        try:
            receipts = publisher.publish(events)
        except PublishError as error:
            self._published(wanted, error.receipts)
            raise
        return self._published(wanted, receipts)

    def _published(self, letters: list[ReceivedEvent], receipts: Sequence[Receipt | None]) -> int:
        """Acknowledge with the next request what has a receipt; returns how many have."""
        stored = [letter.ref for letter, receipt in zip(letters, receipts, strict=True) if receipt is not None]
        lease = self._held[-1]
        done = lease.part(stored)
        if done:
            self._done.append(done)
            lease.forget(stored)
        if lease.remainder() is None:
            self._held.pop()
        return len(stored)

    def _is_wanted(self, letter: ReceivedEvent) -> bool:
        members = letter.members
        topic, original = members.get("originaltopic"), members.get("originalid")
        if not isinstance(topic, str) or original is None or original in self._moved:
            return False
        return stands_for(self._topics, topic) and accepted(self._filters, members)

    def _event_of(self, letter: ReceivedEvent) -> Event:
        """The event that a dead letter tells of, as it is published again."""
        members = {name: value for name, value in letter.members.items() if name not in _OF_DEAD_LETTERS}
        was = letter.members
        members["topic"] = was["originaltopic"]
        members["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{letter.source}#{letter.id}"))
        members["source"] = was.get("originalsource") or f"/publishers/{self._name}"
        members["redriveof"] = was["originalid"]
        members["redrivefor"] = self._for
        event = ReceivedEvent(members, None)
        # a redrive before this one may have published it, at any time since the dead letter was there
        event.first_tries[self._transport.service.store] = to_us(letter.recordedtime)
        return event

    def _let_go(self, deadline_s: float | None) -> None:
        """Acknowledge what was moved, and release what was passed over."""
        settlements = self._holdings.abandonments()
        if self._done:
            settlements["ack"] = self._done
        add_remainders(settlements, "release", self._held)
        if settlements:
            self._holdings.report(self._holdings.send(settlements, deadline_s))
            self._holdings.sent(settlements)


def _redriver_of(subscriber: str) -> str:
    """The name under which a subscriber's dead letters are read and published again."""
    name = f"{subscriber}.redrive"
    if len(name) <= _MAX_NAME:
        return name
    digest = hashlib.blake2b(subscriber.encode(), digest_size=8).hexdigest()
    return f"{subscriber[:220]}.{digest}.redrive"
