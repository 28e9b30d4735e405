"""What really became of one subscriber's events, judged whenever its document changes.

Nothing is taken from the service but its documents: where each event was before and after, what retention had taken, and
what clients had sent by then must explain every move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import NamedTuple

from pubsubservice.core.settings import Bounds
from pubsubservice.subscribers.records import Dead, Subscription
from pubsubservice.subscribers.state import State

from .letters import Letters
from .logs import Appended, Logs
from .order import Order
from .said import Event, Said, outstanding

__all__ = ["Book", "Place", "places"]


class Place(NamedTuple):
    """Where an event is: in a lease, or due."""

    token: str | None
    leased: bool
    attempt: int
    failed_as_group: bool
    #: when the lease ends, or the event is due; µs
    at: int
    delayed: bool = False
    rejected: bool = False


def places(state: State) -> tuple[dict[Event, Place], bool]:
    """Where every event is that is leased or due; and whether one is in two places."""
    found: dict[Event, Place] = {}
    count = 0
    for token, lease in state.leases.items():
        place = Place(token, True, lease.attempt, lease.failed_as_group, lease.until)
        for event in outstanding(lease):
            found[event] = place
            count += 1
    for due in state.due:
        place = Place(due.token, False, due.attempt, due.failed_as_group, due.at, due.delayed, due.rejected)
        for event in outstanding(due):
            found[event] = place
            count += 1
    return found, len(found) != count


class Book:
    """One subscriber's events."""

    def __init__(
        self, name: str, logs: Logs, letters: Letters, said: Said, bounds: Bounds, bad: Callable[[str], None]
    ) -> None:
        self._name = name
        self._logs = logs
        self._letters = letters
        self._said = said
        self._bounds = bounds
        self._bad = bad
        #: topics by the number of their subscription, those that were left too
        self.topics: dict[int, str] = {}
        self._order = Order(logs, bounds, bad)
        #: how events ended that are not outstanding any more
        self._fate: dict[Event, str] = {}
        #: how often each failed; how many came with it when it was last handed out
        self._raises: Counter[Event] = Counter()
        self._mates: Counter[Event] = Counter()
        self._gives: Counter[Event] = Counter()

    def on_commit(self, old: State, new: State, now: int, postponed: Collection[str] = ()) -> None:
        """The document was changed at `now`, µs, by a call that released these leases with a delay."""
        self.topics.update(new.topic_of())
        before, _ = places(old)
        after, twice = places(new)
        if twice:
            self._bad("an event is in two places")
        if new.changed != old.changed:
            self._on_change(old, new, before, after)
            return
        self._check_bounds(old, new)
        passed, skipped = self._passed(old, new)
        died = {self._event(dead, new): dead for dead in new.dead if dead.death > old.deaths}
        lost = [0, 0]  # at least, at most
        for event in passed:
            self._on_passed(event, after, new, lost)
        for event, place in before.items():
            if event in after:
                self._on_move(event, place, after[event], now, postponed)
            elif event in died:
                self._on_death(event, place, died[event], new)
            else:
                self._on_end(event, place, lost)
        for event in after.keys() - before.keys() - set(passed):
            self._bad("a settled event came again" if event in self._fate else "an event came from nowhere")
        gone = {dead.death for dead in old.dead} - {dead.death for dead in new.dead}
        left = [dead for dead in old.dead if dead.death in gone and self._letters.left(self._name, dead)]
        lost[0] += sum(dead.topic in new.subscriptions for dead in left)
        self._check_dropped(old, new, gone)
        counted = sum(new.lost.values()) - sum(old.lost.values())
        if counted < lost[0]:
            self._bad("lost events were not counted")
        if counted > lost[1] + skipped + len(gone):
            self._bad("events were counted lost that were not")
        handed = {token for token in new.leases if token not in old.leases}
        for token in handed:
            self._on_lease(token, [e for e, p in after.items() if p.leased and p.token == token], old, new, now)
        self._order.check(new, after, handed, passed)

    def outstanding(self, state: State) -> set[Event]:
        return set(places(state)[0])

    # -- what may happen to an event

    def _on_passed(self, event: Event, after: dict[Event, Place], new: State, lost: list[int]) -> None:
        """The position moved past an event."""
        topic = self.topics[event[0]]
        if event in self._fate:
            self._bad("an event was new twice")
        if event in after:
            if not self._wanted(self._appended(event), new.subscriptions[topic], new):
                self._bad("an event that is not wanted was handed out")
        elif not self._wanted(self._appended(event), new.subscriptions[topic], new):
            self._fate[event] = "not wanted"
        elif self._logs.trimmed(topic, *event[1:]):
            self._fate[event] = "lost"
            lost[0] += 1
        else:
            self._bad("an event was skipped")

    def _on_move(self, event: Event, was: Place, is_: Place, now: int, postponed: Collection[str]) -> None:
        """An event is outstanding as before, somewhere else maybe."""
        if was == is_ or (was.leased and is_.leased and was.token == is_.token):
            return
        raised = is_.attempt - was.attempt
        if was.leased:
            assert was.token is not None
            expired = not is_.leased and is_.token == was.token
            if expired and was.at > now:
                self._bad("a lease expired before its time")
            if raised == 1:
                self._raises[event] += 1
            elif raised != 0:
                self._bad("a wrong attempt number")
            else:
                self._gives[event] += 1
                if not self._said.may_give_back(was.token) or self._gives[event] > 40:
                    self._bad("an event came again and had not failed, though nobody gave it back")
                if was.token in postponed and is_.at < self._said.may_come_at(was.token, event):
                    self._bad("an event that was released with a delay is due before that")
        elif raised:
            self._bad("an event failed twice for one delivery")
        elif is_.leased and was.at > now:
            self._bad("an event was handed out before it was due")

    def _on_death(self, event: Event, was: Place, dead: Dead, new: State) -> None:
        self._fate[event] = "dead"
        self._letters.died(self._name, dead)
        attempts = self._raises[event] + was.leased
        settings = new.settings_of(new.subscriptions[dead.topic])
        rejected = self._said.may_doom(event)
        if dead.attempts != attempts or (attempts != settings.max_attempts and not rejected):
            self._bad("dead after a wrong number of attempts")
        innocent = not self._appended(event).kind.poison
        if self._said.gentle and innocent and self._mates[event] > 1:
            self._bad("an innocent event died beside others")

    def _on_end(self, event: Event, was: Place, lost: list[int]) -> None:
        """An event is not outstanding any more."""
        trimmed = self._logs.trimmed(self.topics[event[0]], *event[1:])
        lost[1] += trimmed
        if was.token is not None and self._said.may_be_acked(was.token, event):
            self._fate[event] = "settled"
        elif trimmed:
            self._fate[event] = "lost"
            lost[0] += 1
        else:
            self._bad("an event left without an ack of somebody who saw it (LOST)")

    def _on_lease(self, token: str, events: list[Event], old: State, new: State, now: int) -> None:
        lease = new.leases[token]
        self._said.on_lease(self._name, token, events)
        if lease.until > now + lease.ack_deadline_s * 1_000_000:
            self._bad("a lease is longer than its deadline")
        for event in events:
            self._mates[event] = len(events)
            settings = self._settings(new, event)
            if lease.attempt != self._raises[event] + 1 or lease.attempt > settings.max_attempts:
                self._bad("a wrong attempt number")
            if self._appended(event).visible > now:
                self._bad("a delayed event came early")
            if lease.failed_as_group and 1 < lease.attempt == settings.max_attempts and len(events) > 1:
                self._bad("events that failed together are together on their last attempt")
            if self._said.is_redriven_for_another(self._name, self._appended(event).kind.redrivefor):
                self._bad("an event redriven for another was handed out")

    def _on_change(self, old: State, new: State, before: dict[Event, Place], after: dict[Event, Place]) -> None:
        """Somebody subscribed, sought or unsubscribed."""
        kind, topic = self._said.on_change(self._name, new.changed)
        self._order.forget()
        kept = {number for number in new.topic_of() if number in old.topic_of()}
        if kind == "seek" and topic in new.subscriptions:
            kept.discard(new.subscriptions[topic].number)
        for event in after:
            if event[0] not in kept:
                self._bad("what was leased or due was not forgotten")
        if any(before[event] != after.get(event) for event in before if event[0] in kept):
            self._bad("a change touched what it was not about")
        for known in (self._fate, self._raises, self._mates, self._gives):
            for event in [event for event in known if event[0] not in kept]:
                del known[event]  # type: ignore[attr-defined]

    # -- what is so

    def _passed(self, old: State, new: State) -> tuple[list[Event], int]:
        """The events that positions moved past; and how many of these retention has taken."""
        passed: list[Event] = []
        for topic, subscription in new.subscriptions.items():
            before = old.subscriptions.get(topic)
            if before is None:
                self._on_brought_in(topic, subscription, old)
            starts = before.positions if before is not None and before.positions else None
            for partition, position in enumerate(subscription.positions):
                low = starts[partition].index if starts else subscription.starts[partition]
                if position.index < low or (starts and position.seq < starts[partition].seq):
                    self._bad("a position went back")
                end = min(position.index, len(self._logs.events.get((topic, partition), [])))
                if end != position.index:
                    self._bad("a position is past the end")
                passed += [(subscription.number, partition, index) for index in range(low, end)]
        return passed, sum(self._logs.trimmed(self.topics[e[0]], *e[1:]) for e in passed)

    def _on_brought_in(self, topic: str, subscription: Subscription, old: State) -> None:
        """A pattern brought a topic in: one that was there before may have events older than those handed out."""
        pattern = old.subscriptions.get(subscription.via)
        if pattern is None:
            self._bad("a topic was brought in by nothing")
        elif self._logs.recorded[topic] <= pattern.upto:
            self._order.forget()

    def _check_dropped(self, old: State, new: State, gone: set[int]) -> None:
        """What died in a dead-letter topic has no letter, and is counted."""
        dropped = [d for d in old.dead if d.death in gone and self._logs.takes_dead_letters(d.topic)]
        counted = sum(one.dropped for one in new.subscriptions.values()) - sum(
            one.dropped for one in old.subscriptions.values()
        )
        if counted != sum(dead.topic in new.subscriptions for dead in dropped):
            self._bad("events of a dead-letter topic were dropped and not counted, or counted and not dropped")

    def _check_bounds(self, old: State, new: State) -> None:
        bounds = self._bounds
        delayed = sum(len(due.spans) for due in new.due if due.delayed)
        if (
            len(new.leases) > bounds.leases
            or len(new.dead) > bounds.dead
            or delayed > bounds.delayed
            or len(old.ended.packed) < len(new.ended.packed) > bounds.ended * new.ended.SIZE
        ):
            self._bad("the document is over its bounds")

    def _wanted(self, event: Appended, subscription: Subscription, state: State) -> bool:
        filters = state.settings_of(subscription).filters
        if filters and f'"{event.kind.colour}"'.encode() not in filters:
            return False
        return event.kind.redrivefor in {"", self._name}

    def _settings(self, state: State, event: Event) -> Subscription:
        return state.settings_of(state.subscriptions[self.topics[event[0]]])

    def _appended(self, event: Event) -> Appended:
        return self._logs.events[(self.topics[event[0]], event[1])][event[2]]

    def _event(self, dead: Dead, state: State) -> Event:
        return (state.subscriptions[dead.topic].number, dead.partition, dead.index)
