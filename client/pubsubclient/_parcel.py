"""Sending the events of a batch, request by request, each event with its own outcome."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from pubsubclient._errors import PublishRefused, PublishUnknown, ServiceError, TooLarge, Unavailable
from pubsubclient._event import Event
from pubsubclient._outbox import Request, encode_request, first_try_us
from pubsubclient._receipts import Receipt, read_receipts
from pubsubclient._transport import Transport

__all__ = ["Parcel", "Sender"]

#: refusals that may be the fault of one event among many
_OF_AN_EVENT = frozenset({400, 409, 413, 422})


@dataclass(eq=False, slots=True)
class Parcel:
    """An event on its way, with the future of its receipt."""

    event: Event
    #: its JSON
    line: bytes
    future: Future[Receipt]
    #: whether an earlier publish may have stored it
    tried_before: bool = False


class Sender:
    """Sends parcels to one service, and gives their futures receipts or errors."""

    def __init__(self, transport: Transport, publisher: str) -> None:
        self._transport = transport
        self._publisher = publisher
        self._store = transport.service.store
        #: bytes of JSON that the service was seen to refuse in one request, halved
        self.max_bytes: int | None = None

    def send(self, parcels: Sequence[Parcel]) -> Unavailable | None:
        """Send parcels, topic by topic, in order.

        Where the service refuses a request of several events each half is tried by itself, so that an event at fault
        is left alone in the end and the others are stored, in order.

        Returns:
            None; or what ended it when the service is out of reach: all that is left failed
        """
        self._look_back(parcels)
        topics: dict[str, list[Parcel]] = {}
        for parcel in parcels:
            topics.setdefault(parcel.event.topic, []).append(parcel)
        # with whether an earlier try of them may have taken effect; the next one last
        left = [(group, False) for group in reversed(topics.values())]
        while left:
            group, uncertain = left.pop()
            try:
                receipts = self._request(group)
            except Unavailable as error:
                self.fail(group, error, uncertain=error.uncertain or uncertain)
                for others, others_uncertain in left:
                    self.fail(others, error, uncertain=others_uncertain)
                return error
            except ServiceError as error:
                uncertain = uncertain or error.uncertain
                if len(group) == 1 or error.status not in _OF_AN_EVENT:
                    self.fail(group, error, uncertain=uncertain)
                    continue
                middle = len(group) // 2
                left += [(group[middle:], uncertain), (group[:middle], uncertain)]
                if isinstance(error, TooLarge):
                    self.max_bytes = sum(len(parcel.line) for parcel in group) // 2
            else:
                for parcel, receipt in zip(group, receipts, strict=True):
                    parcel.future.set_result(receipt)
        return None

    def fail(self, parcels: Sequence[Parcel], error: ServiceError | Unavailable, *, uncertain: bool) -> None:
        """Give those without an outcome an error; `uncertain` says whether they may be stored all the same."""
        for parcel in parcels:
            if parcel.future.done():
                continue
            unknown = uncertain or parcel.tried_before
            if not unknown:
                parcel.event.first_tries.pop(self._store, None)
            failure = (PublishUnknown if unknown else PublishRefused)(error, [None], [parcel.event])
            failure.__cause__ = error
            parcel.future.set_exception(failure)

    def give_up(self, parcels: Sequence[Parcel], error: Unavailable) -> None:
        """Give parcels that were never sent an error."""
        self._look_back(parcels)
        running = [parcel for parcel in parcels if parcel.future.set_running_or_notify_cancel()]
        self.fail(running, error, uncertain=False)

    def _look_back(self, parcels: Sequence[Parcel]) -> None:
        for parcel in parcels:
            parcel.tried_before = self._store in parcel.event.first_tries

    def _request(self, group: Sequence[Parcel]) -> list[Receipt]:
        events = [parcel.event for parcel in group]
        since_us = first_try_us(events, self._store, self._transport.clock.now_us())
        request = Request(events[0].topic, range(len(group)), [parcel.line for parcel in group])
        answer = self._transport.call("publish", encode_request(request, self._publisher, since_us))
        return read_receipts(answer.body, len(group))
