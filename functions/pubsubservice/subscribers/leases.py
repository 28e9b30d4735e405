"""The rules of leases, over a subscriber's state and the store time at which it was read.

A token makes one lease, ever. A lease ends when all of it is settled, or at `until`; what is left of it then has failed.
What failed is due again after a backoff, with a raised attempt, until its last. The simulation (``tests/simulation``) shows
for each rule what goes wrong without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from pubsubservice.core.settings import Bounds
from pubsubservice.log.sequence import parse_sequence
from pubsubservice.subscribers.records import MAX_BACKOFF_S, Due, Kind, Lease
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
from pubsubservice.subscribers.tokens import Ended

__all__ = ["MAX_REASON", "Leases", "Settlement", "Settlements", "forget_subscription"]

_SECOND = 1_000_000
#: characters of a reason that are kept
MAX_REASON = 200


class Settlement(msgspec.Struct, frozen=True):
    """What a consumer says of a lease, or of some of its events."""

    lease: str
    #: (topic, sequence) of the events; all of the lease when None
    events: list[tuple[str, str]] | None = None
    #: nack: how long the events stay away; their subscription's backoff when None
    delay_s: float | None = None
    #: nack: why, for the dead letter
    reason: str = ""
    #: nack: no further attempt, whatever the number of this one
    dead: bool = False
    #: extend: how long the lease lives from now; the subscription's ack deadline when None
    seconds: int | None = None


class Settlements(msgspec.Struct, frozen=True):
    """What one call settles; carried out in this order, and the first that names an event wins."""

    ack: Sequence[Settlement] = ()
    nack: Sequence[Settlement] = ()
    release: Sequence[Settlement] = ()
    extend: Sequence[Settlement] = ()

    def each(self) -> Iterable[tuple[str, Settlement]]:
        """Every settlement with its verb, in the order in which they count."""
        for verb in ("ack", "nack", "release", "extend"):
            for settlement in getattr(self, verb):
                yield verb, settlement

    def joined(self) -> Iterable[tuple[str, Settlement]]:
        """The same in fewer: thousands of events that are named one by one cost no more than if they were named together."""
        wholes: Counter[str] = Counter()
        named: dict[object, list[tuple[str, str]]] = {}
        found: list[tuple[str, Settlement]] = []
        for verb, one in self.each():
            if one.events is None:
                wholes[one.lease] += 1  # the first that names an event wins: none is moved past this one
                found.append((verb, one))
                continue
            kind = (verb, one.lease, wholes[one.lease], one.delay_s, one.reason, one.dead, one.seconds)
            if kind not in named:
                named[kind] = []
                found.append((verb, msgspec.structs.replace(one, events=named[kind])))
            named[kind] += one.events
        return found


class Leases:
    """Makes, settles and ends the leases of a state.

    Args:
        now: the store time of the state, µs
    """

    def __init__(self, state: State, now: int, bounds: Bounds = Bounds()) -> None:  # noqa: B008
        self.state = state
        self.now = now
        self.bounds = bounds
        #: events that the settlements of a call give back: by how they are due, and by lease
        self._given: dict[Kind, tuple[Due, list[Piece]]] = {}
        self._returned: dict[str, int] = {}
        #: what is due of expired leases, by their token; gathered when it is first asked for
        self._late: dict[str, list[Due]] | None = None

    def used(self, token: str) -> bool:
        """Whether a token has made its lease already, or must make none any more."""
        return self.state.ended.used(token)

    def expire(self) -> None:
        """Leases whose time is over end, and what is left of them has failed; a late ack still finds it by its token."""
        for token in [token for token, lease in self.state.leases.items() if lease.until <= self.now]:
            lease = self.state.leases.pop(token)
            self._end(token, Ended.TAKEN if lease.back_bits else Ended.LATE)
            self._fail_all(token, lease)

    def settle(self, settlements: Settlements) -> list[tuple[str, str]]:
        """Carry out what a call settles; returns (verb, token) of what did not count and may come again."""
        unknown = []
        for verb, settlement in settlements.joined():
            settle = self._settle_open if settlement.lease in self.state.leases else self._settle_ended
            if not settle(verb, settlement):
                unknown.append((verb, settlement.lease))
        self._take_back_newer()
        self._keep_due()
        return unknown

    def open(self, token: str, events: Sequence[tuple[str, Piece]], attempt: int, *, failed_as_group: bool) -> int:
        """Put what is handed out, each piece with its topic, into a lease of this token; returns its end, µs."""
        settings = [self.state.settings_of(self.state.subscriptions[topic]) for topic in {topic for topic, _ in events}]
        deadline_s = min(one.ack_deadline_s for one in settings)
        spans, holes = cover(piece for _, piece in events)
        count = sum(span.stop - span.start for span in spans)
        lease = Lease(self.now + deadline_s * _SECOND, attempt, deadline_s, count, pack(spans), bits_to_bytes(holes))
        lease.failed_as_group = failed_as_group
        self.state.leases[token] = lease
        return lease.until

    def close_if_empty(self, token: str) -> None:
        """End a lease of which nothing is left."""
        lease = self.state.leases[token]
        if not lease.left:
            del self.state.leases[token]
            self._end(token, Ended.TAKEN if lease.back_bits else Ended.SETTLED)

    def take_due(self, due: Due, mask: int) -> None:
        """Events are due no more: they go into a new lease, are dead, or are lost."""
        due.remove(mask)
        if mask and due.token is not None and self.state.ended.how(due.token) is not None:
            self._end(due.token, Ended.TAKEN)

    def forget(self, number: int) -> None:
        """What is leased or due of a subscription is dropped."""
        for token, lease in list(self.state.leases.items()):
            lease.leave(mask_of_numbers(lease.spans, {number}))
            self.close_if_empty(token)
        for due in self.state.due:
            mask = due.left & mask_of_numbers(due.spans, {number})
            if mask:
                self.take_due(due, mask)
        self.state.drop_empty()

    # -- settling

    def _settle_ended(self, verb: str, settlement: Settlement) -> bool:
        """A lease that expired, has ended or was never made: a late ack counts for what is still due, nothing else does."""
        hit = verb == "ack" and self._ack_late(settlement)
        if verb == "release" and not self.used(settlement.lease):
            self._refuse(settlement.lease)
        return self._counts(settlement.lease, hit=hit)

    def _ack_late(self, settlement: Settlement) -> bool:
        """Settle what is still due of an expired lease; whether there was anything."""
        if self._late is None:
            self._late = {}
            for due in self.state.due:
                if due.token is not None:
                    self._late.setdefault(due.token, []).append(due)
        late = self._late.get(settlement.lease, [])
        hit = False
        for due in late:
            acked = due.left & self._mask(due, settlement.events)
            hit = hit or acked != 0
            due.remove(acked)
        if hit and not any(due.left for due in late):
            self._end(settlement.lease, Ended.SETTLED)
        return hit

    def _refuse(self, token: str) -> None:
        """The client gave up on a fetch that may still be on its way: it must make no lease."""
        self._end(token, Ended.SETTLED)

    def _counts(self, token: str, *, hit: bool) -> bool:
        """Whether a settlement of an ended lease counted: a token that its client settled is never unknown to it."""
        how = self.state.ended.how(token)
        return how == Ended.SETTLED or (hit and how == Ended.LATE)

    def _settle_open(self, verb: str, settlement: Settlement) -> bool:
        lease = self.state.leases[settlement.lease]
        mask = self._mask(lease, settlement.events)
        counted = not bytes_to_bits(lease.back_bits) & mask
        if settlement.events is not None and mask.bit_count() < len(set(settlement.events)):
            counted = False  # it names events that this lease never held
        if verb == "extend":
            seconds = lease.ack_deadline_s if settlement.seconds is None else settlement.seconds
            lease.until = max(lease.until, self.now + seconds * _SECOND)
            return counted
        hit = lease.left & mask
        lease.settle(hit)
        if hit and verb != "ack":
            if verb == "nack":
                self._fail(lease, hit, settlement)
            else:
                self._give_back(lease, hit)
            self._returned[settlement.lease] = self._returned.get(settlement.lease, 0) | hit
        self.close_if_empty(settlement.lease)
        return counted

    def _end(self, token: str, how: bytes) -> None:
        self.state.ended.add(token, how, self.bounds.ended)

    # -- failing, and coming again

    def _fail_all(self, token: str, lease: Lease) -> None:
        """What is left of a lease was not settled in time."""
        for wait, mask in self._backoffs(lease, lease.left):
            gone = bits_to_bytes(((1 << lease.count) - 1) & ~mask)
            due = Due(
                lease.until + wait, lease.attempt + 1, token, lease.count, lease.packed, gone, failed_as_group=True
            )
            self.state.due.append(due)

    def _fail(self, lease: Lease, hit: int, settlement: Settlement) -> None:
        """Events of a lease were nacked: all that is left of it, or some by name."""
        for backoff, mask in self._backoffs(lease, hit):
            wait = backoff if settlement.delay_s is None else round(settlement.delay_s * _SECOND)
            # whole seconds, so that events nacked one by one share an entry; never before a delay is over
            at = (self.now + wait + _SECOND - 1 if wait else self.now) // _SECOND * _SECOND
            kind = Due(at, lease.attempt + 1, failed_as_group=settlement.events is None, rejected=settlement.dead)
            kind.reason = settlement.reason[:MAX_REASON]
            self._make_due(kind, lease, mask)

    def _give_back(self, lease: Lease, mask: int) -> None:
        """Events of a lease are due again at once, without having failed; what failed together stays so."""
        at = self.now // _SECOND * _SECOND  # so that events given back one by one share an entry
        self._make_due(Due(at, lease.attempt, failed_as_group=lease.failed_as_group), lease, mask)

    def _take_back_newer(self) -> None:
        """Of an ordered topic, what a call did not name leaves its lease, to wait for what it gave back."""
        for token in filter(self.state.leases.__contains__, self._returned):
            lease = self.state.leases[token]
            self._take_back(lease, self._newer(lease, self._returned[token]))
            self.close_if_empty(token)

    def _take_back(self, lease: Lease, mask: int) -> None:
        """Events leave a lease other than by its client's will, who may ack them in vain."""
        if mask:
            self._give_back(lease, mask)
            lease.leave(mask)

    def _make_due(self, kind: Due, lease: Lease, mask: int) -> None:
        """Events of a lease are due as `kind` says, an entry without events."""
        self._given.setdefault(kind.kind, (kind, []))[1].extend(pieces(lease.spans, mask))

    def _keep_due(self) -> None:
        """Put what was made due into the state; what was given back one by one shares an entry when it is alike."""
        self.state.drop_empty()
        shared = {due.kind: due for due in self.state.due if due.token is None} if self._given else {}
        for kind, (entry, parts) in self._given.items():
            if kind not in shared:
                self.state.due.append(entry)
            shared.get(kind, entry).add(parts)
        self._given.clear()

    def _newer(self, lease: Lease, hit: int) -> int:
        """What is left of a lease of an ordered topic behind the first event that was given back: it must not overtake it."""
        newer = 0
        for subscription in self.state.subscriptions.values():
            if self.state.settings_of(subscription).ordered:
                topic = mask_of_numbers(lease.spans, {subscription.number})
                first = hit & topic & -(hit & topic)
                if first:
                    newer |= lease.left & topic & ~((first << 1) - 1)
        return newer

    def _backoffs(self, lease: Lease, mask: int) -> list[tuple[int, int]]:
        """How long what fails in a lease stays away (µs), with the bits of the events of `mask` for which it is that long."""
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
        """The bits of the named events, or of all."""
        if named is None:
            return (1 << events.count) - 1
        wanted = []
        for topic, sequence in named:
            subscription = self.state.subscriptions.get(topic)
            place = parse_sequence(sequence)
            if subscription is not None and place is not None:
                wanted.append((subscription.number, *place))
        return mask_of(events.spans, wanted)


def forget_subscription(state: State, number: int) -> None:
    """What is leased or due of a subscription is dropped, at whatever time."""
    Leases(state, now=0).forget(number)
