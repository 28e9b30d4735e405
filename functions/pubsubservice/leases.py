"""The rules of leases, as functions of a subscriber's state and the store time R at which it was read.

A token makes one lease, ever. A lease ends when all of it is settled, or at `until`; what is left of it then has failed.
What failed is due again after a backoff, with a raised attempt, until its last. The simulation (``tests/simulation``) shows
for each rule what goes wrong without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pubsubservice.names import parse_sequence
from pubsubservice.spans import bits_to_bytes, bytes_to_bits, mask_of, mask_of_numbers, pieces
from pubsubservice.state import State
from pubsubservice.subscriber import MAX_BACKOFF_S, Due, Lease
from pubsubservice.tokens import Ended

__all__ = [
    "MAX_REASON", "Settlement", "Settlements", "close_if_empty", "expire", "forget_subscription", "settle", "take_due",
]  # fmt: skip

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


def expire(state: State, read_time: int) -> None:
    """Leases whose time is over end, and what is left of them has failed; a late ack still finds it by its token."""
    for token in [token for token, lease in state.leases.items() if lease.until <= read_time]:
        lease = state.leases.pop(token)
        state.ended.add(token, Ended.TAKEN if lease.back_bits else Ended.LATE)
        for wait, mask in _backoffs(state, lease, lease.left):
            gone = bits_to_bytes(((1 << lease.count) - 1) & ~mask)
            due = Due(lease.until + wait, lease.attempt + 1, token, lease.count, lease.packed, gone, together=True)
            state.due.append(due)


def settle(state: State, settlements: Settlements, read_time: int) -> list[tuple[str, str]]:
    """Carry out what a call settles; returns (verb, token) of what did not count and may come again."""
    unknown = []
    for verb, settlement in settlements.each():
        lease = state.leases.get(settlement.lease)
        if lease is None:
            counted = _settle_ended(state, verb, settlement)
        else:
            counted = _settle_open(state, verb, settlement, lease, read_time)
        if not counted:
            unknown.append((verb, settlement.lease))
    return unknown


def _settle_ended(state: State, verb: str, settlement: Settlement) -> bool:
    """A lease that has expired, has ended or was never made: a late ack counts for what is still due, nothing else does."""
    token = settlement.lease
    late = [due for due in state.due if due.token == token]
    hit = False
    if verb == "ack":
        for due in late:
            acked = due.left & _mask(state, due, settlement.events)
            hit = hit or acked != 0
            due.remove(acked)
        if hit and not any(due.left for due in late):
            state.ended.add(token, Ended.SETTLED)
        state.drop_empty()
    if verb == "release" and not state.ended.used(token):
        # the client gave up on a fetch that may still be on its way: it must make no lease
        state.ended.add(token, Ended.SETTLED)
    how = state.ended.how(token)
    return how == Ended.SETTLED or (hit and how == Ended.LATE)


def _settle_open(state: State, verb: str, settlement: Settlement, lease: Lease, read_time: int) -> bool:
    mask = _mask(state, lease, settlement.events)
    counted = not bytes_to_bits(lease.back_bits) & mask
    if settlement.events is not None and mask.bit_count() < len(set(settlement.events)):
        counted = False  # it names events that this lease never held
    if verb == "extend":
        seconds = lease.ack_deadline_s if settlement.seconds is None else settlement.seconds
        lease.until = max(lease.until, read_time + seconds * _SECOND)
        return counted
    hit = lease.left & mask
    lease.settle(hit)
    if hit and verb != "ack":
        if verb == "nack":
            _fail(state, lease, hit, settlement, read_time)
        else:
            _give_back(state, lease, hit, read_time)
        newer = _newer(state, lease, hit)
        if newer:
            _give_back(state, lease, newer, read_time)
            lease.leave(newer)
    close_if_empty(state, settlement.lease)
    return counted


def _give_back(state: State, lease: Lease, mask: int, read_time: int) -> None:
    """Events of a lease are due again at once, without having failed."""
    now = read_time // _SECOND * _SECOND  # so that events given back one by one share an entry
    state.give_back(pieces(lease.spans, mask), Due(now, lease.attempt, together=lease.together))


def _fail(state: State, lease: Lease, hit: int, settlement: Settlement, read_time: int) -> None:
    """Events of a lease were nacked: all that is left of it, or some by name."""
    for backoff, mask in _backoffs(state, lease, hit):
        wait = backoff if settlement.delay_s is None else round(settlement.delay_s * _SECOND)
        # whole seconds, so that events nacked one by one share an entry; never before a delay is over
        at = (read_time + wait + _SECOND - 1 if wait else read_time) // _SECOND * _SECOND
        kind = Due(at, lease.attempt + 1, together=settlement.events is None, doomed=settlement.dead)
        kind.reason = settlement.reason[:MAX_REASON]
        state.give_back(pieces(lease.spans, mask), kind)


def _newer(state: State, lease: Lease, hit: int) -> int:
    """What is left of a lease of an ordered topic behind the first event that was given back: it must not overtake it."""
    newer = 0
    for subscription in state.subscriptions.values():
        if state.settings_of(subscription).ordered:
            topic = mask_of_numbers(lease.spans, {subscription.number})
            first = hit & topic & -(hit & topic)
            if first:
                newer |= lease.left & topic & ~((first << 1) - 1)
    return newer


def _backoffs(state: State, lease: Lease, mask: int) -> list[tuple[int, int]]:
    """How long what fails in a lease stays away (µs), with the bits of the events of `mask` for which it is that long."""
    present = {span.number for span in lease.spans}
    waits: dict[int, set[int]] = {}
    for subscription in state.subscriptions.values():
        if subscription.number in present:
            settings = state.settings_of(subscription)
            doubled = settings.backoff_s * 2 ** min(lease.attempt - 1, 20)
            waits.setdefault(round(min(MAX_BACKOFF_S, doubled) * _SECOND), set()).add(subscription.number)
    found = [(wait, mask & mask_of_numbers(lease.spans, numbers)) for wait, numbers in waits.items()]
    return [(wait, bits) for wait, bits in found if bits]


def close_if_empty(state: State, token: str) -> None:
    """End a lease of which nothing is left."""
    lease = state.leases[token]
    if not lease.left:
        del state.leases[token]
        state.ended.add(token, Ended.TAKEN if lease.back_bits else Ended.SETTLED)


def take_due(state: State, due: Due, mask: int) -> None:
    """Events are due no more: they go into a new lease, are dead, or are lost."""
    due.remove(mask)
    if mask and due.token is not None and state.ended.how(due.token) is not None:
        state.ended.add(due.token, Ended.TAKEN)


def forget_subscription(state: State, number: int) -> None:
    """What is leased or due of a subscription is dropped."""
    for token, lease in list(state.leases.items()):
        lease.leave(mask_of_numbers(lease.spans, {number}))
        close_if_empty(state, token)
    for due in state.due:
        mask = due.left & mask_of_numbers(due.spans, {number})
        if mask:
            take_due(state, due, mask)
    state.drop_empty()


def _mask(state: State, events: Lease | Due, named: list[tuple[str, str]] | None) -> int:
    """The bits of the named events, or of all."""
    if named is None:
        return (1 << events.count) - 1
    wanted = []
    for topic, sequence in named:
        subscription = state.subscriptions.get(topic)
        place = parse_sequence(sequence)
        if subscription is not None and place is not None:
            wanted.append((subscription.number, *place))
    return mask_of(events.spans, wanted)
