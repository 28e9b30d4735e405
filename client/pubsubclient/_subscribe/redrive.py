"""Dead letters on their way back to the topics that they came from."""

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
from pubsubclient._events.event import Event, ReceivedEvent
from pubsubclient._events.lease import Lease
from pubsubclient._http.transport import Transport
from pubsubclient._publish.batch import Batch
from pubsubclient._publish.errors import PublishError
from pubsubclient._publish.publisher import Publisher
from pubsubclient._publish.receipts import Receipt
from pubsubclient._subscribe.arguments import change
from pubsubclient._subscribe.descriptions import SubscriberState, read_state
from pubsubclient._subscribe.fetch import Fetch, to_us
from pubsubclient._subscribe.held_leases import add_remainders
from pubsubclient._subscribe.outcomes import Outcomes, Settlements

__all__ = ["redrive"]

#: dead letters leased at once
_AT_ONCE = 1_000
#: leases are extended from half of this on
_ACK_DEADLINE_S = 60
#: a dead letter that fails once more is dropped: redrives that are killed must not use up its attempts
_MAX_ATTEMPTS = 100
_MAX_NAME = 250

#: what a dead letter has that the event it tells of had not
_OF_DEAD_LETTERS = frozenset({"originalid", "originalsource", "originaltopic", "reason", "attempts"})
#: what the event itself had under such a name has "own" before it, once more for each time that it had that itself
_OWN = re.compile(f"own(?:own)*(?:{'|'.join(sorted(_OF_DEAD_LETTERS))})")

_log = logging.getLogger("pubsubclient.subscriber")


def redrive(transport: Transport, state: SubscriberState, topics: str, filters: Filters) -> int:
    """Move dead letters of a subscriber, out of each dead-letter topic that its subscriptions to `topics` name.

    See `Subscriber.redrive`.
    """
    sources = {
        subscription.dead_letter_topic
        for subscription in state.subscriptions
        if subscription.topic == topics or stands_for(topics, subscription.topic)
    }
    # a subscriber's name may have dots that a topic's may not
    sources = sources or {re.sub(r"\.+", ".", f"{state.subscriber}.dead")}
    return sum(_Redrive(transport, state.subscriber, topics, filters).run(source) for source in sorted(sources))


class _Redriven(ReceivedEvent):
    """An event on its way back. The service allows it more than its publisher, for what a redrive adds, and judges that."""

    __slots__ = ()

    _max_bytes = 4 * 1024 * 1024


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
        self._outcomes = Outcomes(transport, self._name)
        #: of events that were published: a dead letter of one of them is not moved by the same redrive
        self._moved: set[str] = set()
        #: leases with dead letters that were passed over; the last may hold some to be moved
        self._held: list[Lease] = []

    def run(self, dead_letter_topic: str) -> int:
        """Move them; returns how many.

        Raises PublishError, in the end, if the service refused some, which stay where they are; ServiceError, Unavailable.
        Those moved so far stay moved.
        """
        publisher = Publisher(self._name, service=self._transport.service)
        self._transport.call("register", {"subscriber": self._name})
        self._subscribe(dead_letter_topic)
        self._take_over()
        moved = 0
        try:
            with publisher.batch() as batch:  # which stores the others if one is refused
                while letters := self._fetch():
                    moved += self._move(batch, letters)
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
            "backoff_s": 0,
        }
        change(self._transport, "POST", request)

    def _take_over(self) -> None:
        """Have what a redrive holds that was killed released with the first fetch.

        One that is at work loses what it holds, too; what both publish is stored once.
        """
        answer = self._transport.call("register", None, method="GET", query={"subscriber": self._name})
        self._outcomes.abandon([lease.lease for lease in read_state(answer.body).leases])

    def _fetch(self) -> list[ReceivedEvent]:
        extended = [lease.extension() for lease in self._held if lease.half_over]
        settlements = {"extend": extended} if extended else {}
        fetch = Fetch(self._transport, self._name, self._outcomes, _AT_ONCE, 0, settlements)
        events = fetch.run()
        self._held += fetch.leases
        if not events and events.more:
            _log.warning("Subscriber %s: too many dead letters are passed over to see more of them", self._for)
        return events

    def _move(self, batch: Batch, letters: list[ReceivedEvent]) -> int:
        wanted = [letter for letter in letters if self._is_wanted(letter)]
        receipts: list[Future[Receipt]] = []
        try:
            for letter in wanted:
                event = self._event_of(letter)
                self._moved.add(event.id)
                receipts.append(batch.publish(event))
        except PublishError:  # the service is out of reach: all have their outcome
            self._published(wanted, receipts)
            raise
        batch.flush()
        return self._published(wanted, receipts)

    def _published(self, letters: Sequence[ReceivedEvent], receipts: Sequence[Future[Receipt]]) -> int:
        """Acknowledge what has a receipt; returns how many have."""
        lease = self._held[-1]
        stored = [
            letter.ref
            for letter, receipt in zip(letters, receipts, strict=False)
            if receipt.done() and receipt.exception() is None
        ]
        if lease.part(stored) == lease.remainder():
            self._held.pop()
        for ref in stored:
            self._outcomes.ack(lease, ref)
        return len(stored)

    def _is_wanted(self, letter: ReceivedEvent) -> bool:
        members = letter.members
        topic, original = members.get("originaltopic"), members.get("originalid")
        if not isinstance(topic, str) or original is None or original in self._moved:
            return False
        return stands_for(self._topics, topic) and accepted(self._filters, members)

    def _event_of(self, letter: ReceivedEvent) -> Event:
        """The event that a dead letter tells of, as it is published again."""
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
        # a redrive before this one may have published it, at any time since the dead letter was there
        event.first_tries[self._transport.service.store] = to_us(letter.recordedtime)
        return event

    def _let_go(self, deadline_s: float | None) -> None:
        """Acknowledge what was moved, and release what was passed over: acks count first."""
        settlements: Settlements = {}
        add_remainders(settlements, "release", self._held)
        self._outcomes.carry_out(settlements, deadline_s)


def _redriver_of(subscriber: str) -> str:
    """The name under which a subscriber's dead letters are read and published again."""
    name = f"{subscriber}.redrive"
    if len(name) <= _MAX_NAME:
        return name
    digest = hashlib.blake2b(subscriber.encode(), digest_size=8).hexdigest()
    return f"{subscriber[:220]}.{digest}.redrive"
