"""The rules of leases, applied to a subscriber's state at the store time of its read.

A token makes at most one lease, ever. A lease ends when all its events are settled, or at `until`; events that are unsettled
at `until` have failed. A failed event is due again after a backoff, with its attempt raised by one, until its last attempt.
The simulation (``tests/simulation``) shows for each rule what goes wrong without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pubsubservice.core.settings import Bounds
from pubsubservice.log.sequence import parse_sequence
from pubsubservice.subscribers.records import MAX_BACKOFF_S, Due, Kind, Lease
from pubsubservice.subscribers.settlements import Settlement, Settlements
from pubsubservice.subscribers.spans import (
    Piece,
    bits_to_bytes,
    bytes_to_bits,
    cover,
    mask_of,
    mask_of_numbers,
    pack,
    pieces,
)
from pubsubservice.subscribers.state import State
from pubsubservice.subscribers.tokens import Ended, is_of_earlier_life

__all__ = ["MAX_REASON", "Leases", "Settlement", "Settlements", "forget_subscription"]

_SECOND = 1_000_000
#: characters of a nack's reason that are stored
MAX_REASON = 200


class Leases:
    """Opens, settles and ends the leases of a state.

    Args:
        now: the store time of the state, µs: what ends by then has ended
        lag_us: how much later it is by now, at least: what begins now lasts from the later time on
    """

    def __init__(self, state: State, now: int, bounds: Bounds = Bounds(), lag_us: int = 0) -> None:  # noqa: B008
        self.state = state
        self.now = now
        self._latest = now + lag_us
        self.bounds = bounds
        #: events to redeliver after the settlements of this call, grouped by the kind of their due entry
        self._pending_due: dict[Kind, tuple[Due, list[Piece]]] = {}
        #: by token: bits of the events that this call nacked or released
        self._nacked_or_released: dict[str, int] = {}
        #: by token: the due entries of expired leases; built on first use
        self._due_by_token: dict[str, list[Due]] | None = None

    def used(self, token: str) -> bool:
        """Whether a token cannot open a lease.

        Its lease has ended, it was released, it is too old to tell, or it was made for an earlier life of the subscriber.
        """
        return is_of_earlier_life(token, self.state.created) or self.state.ended.used(token)

    def expire(self) -> None:
        """End the leases that have expired, and fail their unsettled events; a late ack by token still finds these."""
        for token in [token for token, lease in self.state.leases.items() if lease.until <= self.now]:
            lease = self.state.leases.pop(token)
            self._end(token, Ended.TAKEN if lease.recalled_bits else Ended.LATE)
            self._fail_all(token, lease)

    def settle(self, settlements: Settlements) -> list[tuple[str, str]]:
        """Carry out the settlements of a call; return (verb, token) of those that did not fully count."""
        unknown = []
        for verb, settlement in settlements.merged():
            settle = self._settle_open if settlement.lease in self.state.leases else self._settle_ended
            if not settle(verb, settlement):
                unknown.append((verb, settlement.lease))
        self._recall_newer()
        self._store_due()
        return unknown

    def open(self, token: str, events: Sequence[tuple[str, Piece]], attempt: int, *, failed_as_group: bool) -> int:
        """Open a lease of these (topic, piece) events under a token; return when the lease expires, µs."""
        settings = [self.state.settings_of(self.state.subscriptions[topic]) for topic in {topic for topic, _ in events}]
        deadline_s = min(subscription.ack_deadline_s for subscription in settings)
        spans, holes = cover(piece for _, piece in events)
        count = sum(span.stop - span.start for span in spans)
        lease = Lease(
            self._latest + deadline_s * _SECOND, attempt, deadline_s, count, pack(spans), bits_to_bytes(holes)
        )
        lease.failed_as_group = failed_as_group
        self.state.leases[token] = lease
        return lease.until

    def close_if_empty(self, token: str) -> None:
        """End a lease that has no unsettled events."""
        lease = self.state.leases[token]
        if not lease.left:
            del self.state.leases[token]
            self._end(token, Ended.TAKEN if lease.recalled_bits else Ended.SETTLED)

    def remove_due(self, due: Due, mask: int) -> None:
        """Remove events from a due entry, because they are leased again, dead or lost."""
        due.remove(mask)
        if mask and due.token is not None and self.state.ended.how(due.token) is not None:
            self._end(due.token, Ended.TAKEN)

    def forget(self, number: int) -> None:
        """Drop the leased and due events of the subscription with this number."""
        for token, lease in list(self.state.leases.items()):
            lease.recall(mask_of_numbers(lease.spans, {number}))
            self.close_if_empty(token)
        for due in self.state.due:
            mask = due.left & mask_of_numbers(due.spans, {number})
            if mask:
                self.remove_due(due, mask)
        self.state.drop_empty()

    # -- settling

    def _settle_ended(self, verb: str, settlement: Settlement) -> bool:
        """Settle by a token without an open lease: an ack settles the events still due. Returns whether it counts."""
        hit = verb == "ack" and self._ack_late(settlement)
        if verb == "release" and not self.used(settlement.lease):
            self._bar(settlement.lease)
        return self._counts(settlement.lease, hit=hit)

    def _ack_late(self, settlement: Settlement) -> bool:
        """Ack the events of an expired lease that are still due; returns whether any were."""
        if self._due_by_token is None:
            self._due_by_token = {}
            for due in self.state.due:
                if due.token is not None:
                    self._due_by_token.setdefault(due.token, []).append(due)
        late = self._due_by_token.get(settlement.lease, [])
        hit = False
        for due in late:
            acked = due.left & self._mask(due, settlement.events)
            hit = hit or acked != 0
            due.remove(acked)
        if hit and not any(due.left for due in late):
            self._end(settlement.lease, Ended.SETTLED)
        return hit

    def _bar(self, token: str) -> None:
        """Bar a token from opening a lease: its client gave up on a fetch that may still be under way."""
        self._end(token, Ended.SETTLED)

    def _counts(self, token: str, *, hit: bool) -> bool:
        """Whether a settlement of an ended lease counts; a token that its client settled is never reported as unknown."""
        how = self.state.ended.how(token)
        return how == Ended.SETTLED or (hit and how == Ended.LATE)

    def _settle_open(self, verb: str, settlement: Settlement) -> bool:
        lease = self.state.leases[settlement.lease]
        mask = self._mask(lease, settlement.events)
        counted = not bytes_to_bits(lease.recalled_bits) & mask
        if settlement.events is not None and mask.bit_count() < len(set(settlement.events)):
            counted = False  # the settlement names events that this lease never held
        if verb == "extend":
            seconds = lease.ack_deadline_s if settlement.seconds is None else settlement.seconds
            lease.until = max(lease.until, self._latest + seconds * _SECOND)
            return counted
        hit = lease.left & mask
        lease.settle(hit)
        if hit and verb != "ack":
            if verb == "nack":
                self._fail(lease, hit, settlement)
            else:
                self._requeue(lease, hit, settlement.delay_s or 0.0)
            self._nacked_or_released[settlement.lease] = self._nacked_or_released.get(settlement.lease, 0) | hit
        self.close_if_empty(settlement.lease)
        return counted

    def _end(self, token: str, how: bytes) -> None:
        self.state.ended.add(token, how, self.bounds.ended)

    # -- failure and redelivery

    def _fail_all(self, token: str, lease: Lease) -> None:
        """Fail all unsettled events of an expired lease."""
        for wait, mask in self._backoffs(lease, lease.left):
            gone = bits_to_bytes(((1 << lease.count) - 1) & ~mask)
            due = Due(
                lease.until + wait, lease.attempt + 1, token, lease.count, lease.packed, gone, failed_as_group=True
            )
            self.state.due.append(due)

    def _fail(self, lease: Lease, hit: int, settlement: Settlement) -> None:
        """Fail the nacked events of a lease; without names in the nack they count as failed as a group."""
        for backoff, mask in self._backoffs(lease, hit):
            wait = backoff if settlement.delay_s is None else round(settlement.delay_s * _SECOND)
            kind = Due(
                self._due_at(wait),
                lease.attempt + 1,
                failed_as_group=settlement.events is None,
                rejected=settlement.dead,
            )
            kind.reason = settlement.reason[:MAX_REASON]
            self._add_due(kind, lease, mask)

    def _requeue(self, lease: Lease, mask: int, delay_s: float = 0.0) -> None:
        """Make events of a lease due again with the same attempt; `failed_as_group` is kept."""
        due_us = self._due_at(round(delay_s * _SECOND))
        self._add_due(Due(due_us, lease.attempt, failed_as_group=lease.failed_as_group), lease, mask)

    def _due_at(self, wait: int) -> int:
        """Return when events given back now are due after `wait`, µs.

        Rounded to a whole second, so that events given back one by one share an entry: up, so that none is due too early.
        """
        return (self._latest + wait + _SECOND - 1 if wait else self.now) // _SECOND * _SECOND

    def _recall_newer(self) -> None:
        """Recall from the leases of ordered topics the events behind those that this call nacked or released."""
        for token in filter(self.state.leases.__contains__, self._nacked_or_released):
            lease = self.state.leases[token]
            self._recall(lease, self._newer(lease, self._nacked_or_released[token]))
            self.close_if_empty(token)

    def _recall(self, lease: Lease, mask: int) -> None:
        """Recall events from an open lease and make them due. A later ack of them comes back in `unknown`."""
        if mask:
            self._requeue(lease, mask)
            lease.recall(mask)

    def _add_due(self, kind: Due, lease: Lease, mask: int) -> None:
        """Collect events of a lease to be due as the empty entry `kind` says, until `_store_due`."""
        self._pending_due.setdefault(kind.kind, (kind, []))[1].extend(pieces(lease.spans, mask))

    def _store_due(self) -> None:
        """Put the collected events into the state's due entries; events of equal kind share an entry."""
        self.state.drop_empty()
        shared = {due.kind: due for due in self.state.due if due.token is None} if self._pending_due else {}
        for kind, (entry, parts) in self._pending_due.items():
            if kind not in shared:
                self.state.due.append(entry)
            shared.get(kind, entry).add(parts)
        self._pending_due.clear()

    def _newer(self, lease: Lease, hit: int) -> int:
        """Bits of the unsettled events of ordered topics behind the first event of `hit`, which they must not overtake."""
        newer = 0
        for subscription in self.state.subscriptions.values():
            if self.state.settings_of(subscription).ordered:
                topic = mask_of_numbers(lease.spans, {subscription.number})
                first = hit & topic & -(hit & topic)
                if first:
                    newer |= lease.left & topic & ~((first << 1) - 1)
        return newer

    def _backoffs(self, lease: Lease, mask: int) -> list[tuple[int, int]]:
        """Pairs of a backoff (µs) and the bits of the events of `mask` that it applies to."""
        present = {span.number for span in lease.spans}
        waits: dict[int, set[int]] = {}
        for subscription in self.state.subscriptions.values():
            if subscription.number in present:
                settings = self.state.settings_of(subscription)
                doubled = settings.backoff_s * 2 ** min(lease.attempt - 1, 20)
                waits.setdefault(round(min(MAX_BACKOFF_S, doubled) * _SECOND), set()).add(subscription.number)
        found = [(wait, mask & mask_of_numbers(lease.spans, numbers)) for wait, numbers in waits.items()]
        return [(wait, bits) for wait, bits in found if bits]

    def _mask(self, events: Lease | Due, named: list[tuple[str, str]] | None) -> int:
        """The bits of the events named by (topic, sequence); of all events when None."""
        if named is None:
            return (1 << events.count) - 1
        wanted = []
        for topic, sequence in named:
            subscription = self.state.subscriptions.get(topic)
            location = parse_sequence(sequence)
            if subscription is not None and location is not None:
                wanted.append((subscription.number, *location))
        return mask_of(events.spans, wanted)


def forget_subscription(state: State, number: int) -> None:
    """Drop the leased and due events of the subscription with this number."""
    Leases(state, now=0).forget(number)
