"""The service without one rule of a subscriber's document each: of its leases, its due events, its dead, its order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pubsubservice.admin.subscriptions import Subscriptions
from pubsubservice.delivery.cursor import LogCursor
from pubsubservice.delivery.dead_letters import DeadLetters
from pubsubservice.delivery.get_events import Delivery
from pubsubservice.delivery.reader import Reader
from pubsubservice.delivery.redelivery import Redelivery
from pubsubservice.delivery.request import GetEvents, GetEventsResponse
from pubsubservice.delivery.slices import Slice
from pubsubservice.events.entry import Entry
from pubsubservice.log.group_commit import Append
from pubsubservice.log.sequence import partition_of
from pubsubservice.log.topics import Topic
from pubsubservice.service import Service
from pubsubservice.subscribers.dead_lettering import DeadLettering
from pubsubservice.subscribers.event_filter import EventFilter
from pubsubservice.subscribers.leases import Leases, Settlement
from pubsubservice.subscribers.records import Due, Lease
from pubsubservice.subscribers.spans import Piece, Span, mask_of_pieces
from pubsubservice.subscribers.state import State
from pubsubservice.subscribers.tokens import Ended

__all__ = ["RULES"]


class TokenUsedAgain(Service):
    """A token whose lease has ended makes another one."""

    class delivery_type(Delivery):
        class leases_type(Leases):
            def used(self, token: str) -> bool:
                return False


class FloorIgnored(Service):
    """A token that was dropped from the ended ones is as good as new."""

    class delivery_type(Delivery):
        class leases_type(Leases):
            def used(self, token: str) -> bool:
                return self.state.ended.how(token) is not None


class ReleaseUnheard(Service):
    """The release of a token that was not seen yet does nothing."""

    class delivery_type(Delivery):
        class leases_type(Leases):
            def _bar(self, token: str) -> None:
                pass


class SettlingForgotten(Service):
    """A token that its client settled is unknown afterwards."""

    class delivery_type(Delivery):
        class leases_type(Leases):
            def _counts(self, token: str, *, hit: bool) -> bool:
                return hit and self.state.ended.how(token) in {Ended.LATE, Ended.SETTLED}


class LateNackCounts(Service):
    """A nack of an expired lease fails what is due of it once more."""

    class delivery_type(Delivery):
        class leases_type(Leases):
            def _settle_ended(self, verb: str, settlement: Settlement) -> bool:
                if verb == "nack":
                    for due in self.state.due:
                        due.attempt += due.token == settlement.lease
                return super()._settle_ended(verb, settlement)


class MarkDropped(Service):
    """A release takes the mark off what failed together."""

    class delivery_type(Delivery):
        class leases_type(Leases):
            def _requeue(self, lease: Lease, mask: int, delay_s: float = 0.0) -> None:
                lease.failed_as_group, failed_as_group = False, lease.failed_as_group
                super()._requeue(lease, mask, delay_s)
                lease.failed_as_group = failed_as_group


class ReleasedAtOnce(Service):
    """What is released comes again at once, whatever delay its client asks for."""

    class delivery_type(Delivery):
        class leases_type(Leases):
            def _requeue(self, lease: Lease, mask: int, delay_s: float = 0.0) -> None:
                super()._requeue(lease, mask)


class TakenBackUnmarked(Service):
    """What a lease lost to the order of its topic counts as settled by its client."""

    class delivery_type(Delivery):
        class leases_type(Leases):
            def _recall(self, lease: Lease, mask: int) -> None:
                self._requeue(lease, mask)
                lease.settle(mask)


class OnlyOldestFails(Service):
    """Of an ordered topic's events that a lease had when it expired, only the oldest has failed."""

    class delivery_type(Delivery):
        class leases_type(Leases):
            def _fail_all(self, token: str, lease: Lease) -> None:
                newer = self._newer(lease, lease.left)
                self._requeue(lease, newer)
                self._store_due()
                lease.recall(newer)
                super()._fail_all(token, lease)


class DueStopsToo(Service):
    """When a document is full, due events stop as new ones do."""

    class delivery_type(Delivery):
        def _hand_out(self, leases: Leases, *rest: Any) -> tuple[GetEventsResponse, list[str]]:
            if self._room(leases) <= 0:
                return GetEventsResponse(blocked="leases"), []
            return super()._hand_out(leases, *rest)


class UnreadableKept(Service):
    """What retention took of an open lease stays in it, for its client to settle."""

    class delivery_type(Delivery):
        def _lose(self, leases: Leases, token: str, lost: Sequence[Piece]) -> None:
            pass


class AlwaysTogether(Service):
    """What failed together comes together to the end."""

    class delivery_type(Delivery):
        class redelivery_type(Redelivery):
            def limit(self, due: Due, parts: Sequence[Piece]) -> int:
                return self._leases.bounds.failed_as_group


class TrimmedUncounted(Service):
    """Due events that retention took are dropped, and nobody is told."""

    class delivery_type(Delivery):
        class redelivery_type(Redelivery):
            def _lose(self, due: Due, lost: Sequence[Piece]) -> None:
                self._leases.remove_due(due, mask_of_pieces(due.spans, lost))


class OrderOnlyWhenNew(Service):
    """Due events of an ordered topic come when they are due, whatever waits before them."""

    class delivery_type(Delivery):
        class redelivery_type(Redelivery):
            def __init__(self, *parts: object) -> None:
                super().__init__(*parts)  # type: ignore[arg-type]
                self.ordered = self.leased


class FilteredAgain(Service):
    """A filter judges an event whenever it is handed out, also one that it had let through before."""

    class delivery_type(Delivery):
        class redelivery_type(Redelivery):
            def _take(self, due: Due, found: Sequence[Slice]) -> None:
                super()._take(due, found)
                for slice_ in found:
                    settings = self._state.settings_of(self._state.subscriptions[slice_.topic])
                    event_filter = EventFilter(self._state.name, slice_.topic, settings.filters)
                    if event_filter.pick(slice_.lines) != (1 << len(slice_.lines)) - 1:
                        self._dropped.append(slice_)

            def take(self, max_events: int) -> None:
                self._dropped: list[Slice] = []
                super().take(max_events)
                self.slices = [slice_ for slice_ in self.slices if slice_ not in self._dropped]


class DeadOverflow(Service):
    """With no room in `dead`, the oldest there is dropped."""

    class delivery_type(Delivery):
        class dead_lettering_type(DeadLettering):
            @property
            def full(self) -> bool:
                return False

            def _die(self, due: Due, event: Span) -> None:
                super()._die(due, event)
                self.state.dead = self.state.dead[-self._leases.bounds.dead :]


class LettersOfLate(Service):
    """A dead letter is looked for no further back than an event that is published again."""

    def _append_letters(self, topic: Topic, publisher: str, entries: list[Entry], since: int) -> None:
        self._log(topic.name, partition_of(publisher, topic.partitions)).submit(Append(publisher, entries, since))


class DeadUnremoved(Service):
    """A death is forgotten before its dead letter is there."""

    class dead_letters_type(DeadLetters):
        def publish(self, state: State) -> int:
            deaths = {one.death for one in state.dead}
            return len(deaths) if self._remove(state, deaths, set(), set()) else 0


class WaitLeases(Service):
    """What comes during a wait is leased to whoever asked, alive or not."""

    class delivery_type(Delivery):
        def _call(self, request: GetEvents, *, probe: bool = False) -> Any:
            return super()._call(request, probe=False)


class OneStopsAll(Service):
    """A log that stops for want of room for its delayed events still bounds what goes out of the others."""

    class reader_type(Reader):
        def _stop(self, full: LogCursor, cursors: Any, heads: Any) -> Any:
            return *super()._stop(full, cursors, heads)[:2], 0


class OneLogStops(Service):
    """Of an ordered topic only the log stops that has no room for its delayed events."""

    class reader_type(Reader):
        def _stop(self, full: LogCursor, cursors: Any, heads: Any) -> Any:
            full.ordered = False
            return super()._stop(full, cursors, heads)


class DroppedUncounted(Service):
    """What failed for the last time in a dead-letter topic is gone, and nobody is told."""

    class dead_letters_type(DeadLetters):
        def _remove(self, published: State, deaths: set[int], lost: set[int], dropped: set[int]) -> bool:
            return super()._remove(published, deaths, lost, set())


class ChangedAgain(Service):
    """An old call to subscribe, seek or unsubscribe that comes late is carried out."""

    class subscriptions_type(Subscriptions):
        def _is_old(self, token: str, state: State) -> bool:
            return False


class SeekForgetsNothing(Service):
    """After a seek, what was leased or due before it still is."""

    class subscriptions_type(Subscriptions):
        def _forget(self, state: State, number: int) -> None:
            pass


#: each rule of a subscriber's document, and the service that lacks it
RULES: dict[str, type[Service]] = {
    "a token makes one lease": TokenUsedAgain,
    "tokens below the floor have ended": FloorIgnored,
    "release ends a token not seen yet": ReleaseUnheard,
    "a settled token is told so": SettlingForgotten,
    "at the bound only new events stop": DueStopsToo,
    "what failed together comes alone in the end": AlwaysTogether,
    "release keeps that mark": MarkDropped,
    "a release waits for its delay": ReleasedAtOnce,
    "a dead letter is looked for from its death": LettersOfLate,
    "trimmed due events are counted lost": TrimmedUncounted,
    "late nacks do nothing": LateNackCounts,
    "older changes change nothing": ChangedAgain,
    "seek forgets": SeekForgetsNothing,
    "ordered: due from the oldest on": OrderOnlyWhenNew,
    "ordered: expiry raises every event": OnlyOldestFails,
    "a filter judges once": FilteredAgain,
    "no room in dead: wait in due": DeadOverflow,
    "what a retry cannot answer is lost": UnreadableKept,
    "a given-back event stays marked": TakenBackUnmarked,
    "dead until the letter is there": DeadUnremoved,
    "a wait leases nothing": WaitLeases,
    "ordered: its logs stop together": OneLogStops,
    "a log that stops bounds no other": OneStopsAll,
    "dropped events are counted": DroppedUncounted,
}
