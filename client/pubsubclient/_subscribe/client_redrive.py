"""Redrive by the client, for services that have none: publishes dead letters again, in the topics that they came from.

It also finds the events of dead letters whose events the service refuses.
"""

from __future__ import annotations

import hashlib
import logging
import re
import uuid
from collections.abc import Sequence
from concurrent.futures import Future

from pubsubclient._core.at_exit import EXIT_DEADLINE_S
from pubsubclient._core.errors import PubSubError
from pubsubclient._core.filters import Filters, accepted
from pubsubclient._core.names import stands_for
from pubsubclient._events.event import Event
from pubsubclient._events.lease import Lease
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._http.transport import Transport
from pubsubclient._publish.batch import Batch
from pubsubclient._publish.errors import PublishError
from pubsubclient._publish.publisher import Publisher
from pubsubclient._publish.receipts import Receipt
from pubsubclient._subscribe.arguments import change
from pubsubclient._subscribe.descriptions import SubscriberState, read_state
from pubsubclient._subscribe.fetch import Fetch, to_us
from pubsubclient._subscribe.held_leases import add_remainders
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.pending import Settlements

__all__ = ["client_redrive"]

#: the most dead letters to lease at once
_AT_ONCE = 1_000
#: the ack deadline of the redrive's subscription; leases are extended after half of it
_ACK_DEADLINE_S = 60
#: the highest value that the service accepts. A dead letter whose attempts are used up is dropped, and every killed redrive
#: uses up one
_MAX_ATTEMPTS = 100
#: the most characters of a subscriber's name
_MAX_NAME = 250

#: attributes that dead-lettering adds to the event
_OF_DEAD_LETTERS = frozenset({"originalid", "originalsource", "originaltopic", "reason", "attempts"})
#: names of the event's own attributes that collide with these: dead-lettering puts "own" before them, once per collision
_OWN = re.compile(f"own(?:own)*(?:{'|'.join(sorted(_OF_DEAD_LETTERS))})")

_log = logging.getLogger("pubsubclient.subscriber")


def client_redrive(transport: Transport, state: SubscriberState, topics: str, filters: Filters) -> int:
    """Redrive a subscriber's dead letters, from each dead-letter topic of its subscriptions to `topics`; returns how many.

    See `Subscriber.redrive`.
    """
    sources = {
        subscription.dead_letter_topic
        for subscription in state.subscriptions
        if subscription.topic == topics or stands_for(topics, subscription.topic)
    }
    # names of subscribers, but not of topics, may have consecutive dots
    sources = sources or {re.sub(r"\.+", ".", f"{state.subscriber}.dead")}
    return sum(_Redrive(transport, state.subscriber, topics, filters).run(source) for source in sorted(sources))


class _Redriven(ReceivedEvent):
    """An event to publish again. It may exceed the usual size, because attributes were added; the service checks the size."""

    __slots__ = ()

    _max_bytes = 4 * 1024 * 1024


class _Redrive:
    """Redrives the dead letters of one subscriber from one dead-letter topic.

    A subscriber of its own, NAME.redrive, reads the dead letters. It acknowledges each when its event is published, and
    releases the skipped ones in the end, for later redrives. The event's id is derived from the dead letter's. So a redrive
    that is killed between publish and ack stores nothing twice if the redrive is repeated within 10 minutes.

    Args:
        subscriber: the subscriber whose dead letters to redrive
        topics: redrive dead letters of events of this topic, or of topics that this pattern stands for
        filters: redrive dead letters that match all of these
    """

    def __init__(self, transport: Transport, subscriber: str, topics: str, filters: Filters) -> None:
        self._transport = transport
        self._for = subscriber
        self._name = _redriver_of(subscriber)
        self._topics = topics
        self._filters = filters
        self._outcomes = Outcomes(transport, self._name)
        #: ids of the published events: if one of them becomes a dead letter meanwhile, this redrive skips it
        self._moved: set[str] = set()
        #: leases with skipped dead letters; the last lease may also hold dead letters to redrive
        self._held: list[Lease] = []

    def run(self, dead_letter_topic: str) -> int:
        """Redrive the dead letters; returns how many.

        Raises PublishError in the end if the service rejected some events, whose dead letters stay; ServiceError, Unavailable.
        After an error, dead letters redriven before stay redriven.
        """
        publisher = Publisher(self._name, service=self._transport.service)
        self._transport.call("register", {"subscriber": self._name})
        self._subscribe(dead_letter_topic)
        self._take_over()
        moved = 0
        try:
            with publisher.batch() as batch:  # a batch stores the other events if one is rejected
                while letters := self._fetch():
                    moved += self._move(batch, letters)
        except BaseException:
            try:
                self._let_go(EXIT_DEADLINE_S)
            except PubSubError as e:
                # logged, not raised: it would hide the exception that ends the redrive
                _log.warning("Subscriber %s: dead letters may be redriven again: %s", self._for, e)
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
            "backoff_s": 0,
        }
        change(self._transport, "POST", request)

    def _take_over(self) -> None:
        """Release, with the first fetch, the dead letters that a killed redrive has leased.

        A redrive that still runs loses its leases too. An event that both publish is stored once.
        """
        answer = self._transport.call("register", None, method="GET", query={"subscriber": self._name})
        self._outcomes.release_unknown([lease.lease for lease in read_state(answer.body).leases])

    def _fetch(self) -> list[ReceivedEvent]:
        extended = [lease.extension() for lease in self._held if lease.half_over]
        settlements = {"extend": extended} if extended else {}
        fetch = Fetch(self._transport, self._name, self._outcomes, _AT_ONCE, 0, settlements)
        events = fetch.run()
        self._held += fetch.leases
        if not events and events.more:
            _log.warning("Subscriber %s: too many dead letters are skipped to read further ones", self._for)
        return events

    def _move(self, batch: Batch, letters: list[ReceivedEvent]) -> int:
        wanted = [letter for letter in letters if self._is_wanted(letter)]
        receipts: list[Future[Receipt]] = []
        try:
            for letter in wanted:
                event = self._event_of(letter)
                self._moved.add(event.id)
                receipts.append(batch.publish(event))
        except PublishError:  # the service is out of reach, and all futures are resolved
            self._published(wanted, receipts)
            raise
        batch.flush()
        return self._published(wanted, receipts)

    def _published(self, letters: Sequence[ReceivedEvent], receipts: Sequence[Future[Receipt]]) -> int:
        """Acknowledge the dead letters whose events have receipts; returns how many."""
        lease = self._held[-1]
        stored = [
            letter
            for letter, receipt in zip(letters, receipts, strict=False)
            if receipt.done() and receipt.exception() is None
        ]
        if lease.part([letter.ref for letter in stored]) == lease.remainder():
            self._held.pop()
        self._outcomes.ack(stored)
        return len(stored)

    def _is_wanted(self, letter: ReceivedEvent) -> bool:
        members = letter.members
        topic, original = members.get("originaltopic"), members.get("originalid")
        if not isinstance(topic, str) or original is None or original in self._moved:
            return False
        return stands_for(self._topics, topic) and accepted(self._filters, members)

    def _event_of(self, letter: ReceivedEvent) -> Event:
        """Make the event to publish from its dead letter."""
        was = letter.members
        members = {
            name.removeprefix("own") if _OWN.fullmatch(name) else name: value
            for name, value in was.items()
            if name not in _OF_DEAD_LETTERS
        }
        members["topic"] = was["originaltopic"]
        members["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{letter.source}#{letter.id}"))
        members["source"] = was.get("originalsource") or f"/publishers/{self._name}"
        members["redriveof"] = was["originalid"]
        members["redrivefor"] = self._for
        event = _Redriven(members, None)
        # an earlier redrive may have published the event, at any time since the dead letter was stored
        event.first_tries[self._transport.service.store] = to_us(letter.recordedtime)
        return event

    def _let_go(self, deadline_s: float | None) -> None:
        """Send the acks of redriven dead letters, and release the skipped ones. The service carries out acks first."""
        settlements: Settlements = {}
        add_remainders(settlements, "release", self._held)
        self._outcomes.carry_out(settlements, deadline_s)


def _redriver_of(subscriber: str) -> str:
    """Return the name under which the redrive reads and publishes a subscriber's dead letters."""
    name = f"{subscriber}.redrive"
    if len(name) <= _MAX_NAME:
        return name
    digest = hashlib.blake2b(subscriber.encode(), digest_size=8).hexdigest()
    return f"{subscriber[:220]}.{digest}.redrive"
