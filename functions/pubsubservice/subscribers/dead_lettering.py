"""Moves events without further attempts from the due entries to `dead`; `delivery.dead_letters` publishes them."""

from __future__ import annotations

from pubsubservice.core.names import dead_letters_of
from pubsubservice.subscribers.leases import Leases
from pubsubservice.subscribers.records import Dead, Due
from pubsubservice.subscribers.spans import Piece, Span, mask_of_numbers, mask_of_pieces, select

__all__ = ["DeadLettering"]


class DeadLettering:
    """Finds and moves the due events of a state that have no further attempt."""

    def __init__(self, leases: Leases) -> None:
        self.state = leases.state
        self._leases = leases
        #: by subscription number: how often an event is delivered before it is dead-lettered
        self.max_attempts = {
            subscription.number: self.state.settings_of(subscription).max_attempts
            for subscription in self.state.subscriptions.values()
        }
        self._topics = self.state.topic_of()
        self._fewest_attempts = min(self.max_attempts.values(), default=0)
        self._dead_bytes = sum(dead.stored_bytes for dead in self.state.dead)

    @property
    def full(self) -> bool:
        """Whether `dead` has no room for another event until a dead letter is published."""
        bounds = self._leases.bounds
        return len(self.state.dead) >= bounds.dead or self._dead_bytes >= bounds.dead_bytes

    def exhausted(self, due: Due) -> int:
        """Return the bits of a due entry's events that have no further attempt."""
        if due.rejected:
            return (1 << due.count) - 1
        if due.attempt <= self._fewest_attempts:
            return 0
        numbers = {number for number, attempts in self.max_attempts.items() if due.attempt > attempts}
        return mask_of_numbers(due.spans, numbers)

    def collect(self) -> None:
        """Move events without further attempts into `dead` until that is full; the others stay due."""
        for due in self.state.due:
            taken = []
            for span in select(due.spans, due.left & self.exhausted(due)):
                for n in range(span.stop - span.start):
                    if self.full:
                        break
                    event = span._replace(start=span.start + n, stop=span.start + n + 1, first=span.first + n)
                    self._die(due, event)
                    taken.append(Piece(event, 1))
            if taken:
                self._leases.remove_due(due, mask_of_pieces(due.spans, taken))
        self.state.drop_empty()

    def _die(self, due: Due, event: Span) -> None:
        topic = self._topics[event.number]
        settings = self.state.settings_of(self.state.subscriptions[topic])
        self.state.deaths += 1
        dead = Dead(
            death=self.state.deaths,
            at=self._leases.now,
            topic=topic,
            partition=event.partition,
            seq=event.seq,
            offset=event.start,
            index=event.first,
            attempts=due.attempt - 1,
            dead_letter_topic=settings.dead_letter_topic or dead_letters_of(self.state.name),
            reason=due.reason or ("not settled before the ack deadline" if due.token else "nacked"),
            life=self.state.created,
        )
        self.state.dead.append(dead)
        self._dead_bytes += dead.stored_bytes
