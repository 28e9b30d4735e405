"""The rules of leases, as functions of a subscriber's state and the store time R at which it was read.

A token makes one lease, ever. A lease ends when all of it is settled, or at `until`; what is left of it then is due again,
with a raised attempt. The simulation (``tests/simulation``) shows for each rule what goes wrong without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pubsubservice.names import parse_sequence
from pubsubservice.spans import Span, bits_to_bytes, bytes_to_bits, mask_of, select
from pubsubservice.state import State
from pubsubservice.subscriber import Due, Lease
from pubsubservice.tokens import Ended

__all__ = ["Settlement", "Settlements", "close_if_empty", "expire", "forget_subscription", "settle", "take_due"]

_SECOND = 1_000_000


class Settlement(msgspec.Struct, frozen=True):
    """What a consumer says of a lease, or of some of its events."""

    lease: str
    #: (topic, sequence) of the events; all of the lease when None
    events: list[tuple[str, str]] | None = None
    #: nack: how long the events stay away
    delay_s: float = 0.0
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
    """Leases whose time is over end; what is left of them is due, as the next attempt."""
    for token in [token for token, lease in state.leases.items() if lease.until <= read_time]:
        lease = state.leases.pop(token)
        state.ended.add(token, Ended.TAKEN if lease.back_bits else Ended.LATE)
        state.due.append(
            Due(
                at=lease.until,
                attempt=lease.attempt + 1,
                token=token,
                count=lease.count,
                packed=lease.packed,
                gone_bits=bits_to_bytes(((1 << lease.count) - 1) & ~lease.left),
            )
        )


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
    if verb != "ack" and hit:
        # whole seconds, so that events given back one by one share an entry; never before a delay is over
        delay = round(settlement.delay_s * _SECOND)
        at = (read_time + delay + _SECOND - 1 if delay else read_time) // _SECOND * _SECOND
        state.give_back(select(lease.spans, hit), attempt=lease.attempt + (verb == "nack"), at=at)
    lease.settle(hit)
    close_if_empty(state, settlement.lease)
    return counted


def close_if_empty(state: State, token: str) -> None:
    """End a lease of which nothing is left."""
    lease = state.leases[token]
    if not lease.left:
        del state.leases[token]
        state.ended.add(token, Ended.TAKEN if lease.back_bits else Ended.SETTLED)


def take_due(state: State, due: Due, mask: int) -> None:
    """Events are due no more: they go into a new lease, or are lost."""
    due.remove(mask)
    if due.token is not None and state.ended.how(due.token) is not None:
        state.ended.add(due.token, Ended.TAKEN)


def forget_subscription(state: State, number: int) -> None:
    """What is leased or due of a subscription is dropped."""
    for token, lease in list(state.leases.items()):
        lease.leave(_mask_of_subscription(lease.spans, number))
        close_if_empty(state, token)
    for due in state.due:
        mask = due.left & _mask_of_subscription(due.spans, number)
        if mask:
            take_due(state, due, mask)
    state.drop_empty()


def _mask_of_subscription(spans: Sequence[Span], number: int) -> int:
    mask = at = 0
    for span in spans:
        length = span.stop - span.start
        if span.number == number:
            mask |= ((1 << length) - 1) << at
        at += length
    return mask


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
