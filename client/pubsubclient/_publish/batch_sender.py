"""Sending the events of a batch, request by request, each event with its own outcome."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager
from dataclasses import dataclass, field

from pubsubclient._core.errors import PubSubError, ServiceError, TooLarge, Unavailable
from pubsubclient._events.event import Event
from pubsubclient._http.transport import Transport
from pubsubclient._publish.chunks import Request, encode_request, first_try_us
from pubsubclient._publish.errors import PublishError, publish_error
from pubsubclient._publish.receipts import Receipt, read_receipts

__all__ = ["Outcome", "Parcel", "Sender"]

_log = logging.getLogger("pubsubclient.publisher")

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

    def depart(self) -> bool:
        """Whether it is to be sent; from here on its future cannot be cancelled."""
        try:
            return self.future.set_running_or_notify_cancel()
        except RuntimeError:
            return True  # somebody has given the future a result, which says nothing of the event


@dataclass(eq=False, slots=True)
class Outcome:
    """What became of parcels, to be handed out to their futures."""

    #: all of them, the cancelled ones too
    parcels: Sequence[Parcel]
    #: where they went
    store: str
    #: groups that are stored, with their receipts
    stored: list[tuple[Sequence[Parcel], Sequence[Receipt]]] = field(default_factory=list)
    failed: list[tuple[Parcel, PublishError]] = field(default_factory=list)
    #: what ended it when the service is out of reach: then all that was left failed
    broken: Unavailable | None = None

    def hand_out(self) -> None:
        """Give the futures their receipts and errors."""
        for group, receipts in self.stored:
            for parcel, receipt in zip(group, receipts, strict=True):
                with _callbacks_stay_theirs(parcel):
                    parcel.future.set_result(receipt)
        for parcel, error in self.failed:
            with _callbacks_stay_theirs(parcel):
                parcel.future.set_exception(error)

    def join(self, later: Outcome) -> None:
        """Add what became of further parcels."""
        self.parcels = [*self.parcels, *later.parcels]
        self.failed += later.failed

    def fail(self, parcels: Sequence[Parcel], error: ServiceError | Unavailable, *, uncertain: bool) -> None:
        """Give these an error; `uncertain` says whether they may be stored all the same."""
        for parcel in parcels:
            unknown = uncertain or parcel.tried_before
            if not unknown:
                parcel.event.first_tries.pop(self.store, None)
            failure = publish_error(error, [None], [parcel.event], uncertain=unknown)
            failure.__cause__ = error
            self.failed.append((parcel, failure))


@contextmanager
def _callbacks_stay_theirs(parcel: Parcel) -> Iterator[None]:
    """What a callback of the future raises, `sys.exit` too, is logged: the other events have their outcome all the same."""
    try:
        yield
    except InvalidStateError:
        pass  # somebody has given the future a result
    except BaseException:  # noqa: BLE001 - sys.exit in a callback is its own affair too
        _log.exception("A callback of the future of %r failed", parcel.event)


class Sender:
    """Sends parcels to one service, and tells what became of each."""

    def __init__(self, transport: Transport, publisher: str) -> None:
        self._transport = transport
        self._publisher = publisher
        self._store = transport.service.store
        #: bytes of JSON that the service was seen to refuse in one request, halved
        self.max_bytes: int | None = None

    def send(self, parcels: Sequence[Parcel]) -> Outcome:
        """Send parcels, topic by topic, in order, but for those that were cancelled.

        Where the service refuses a request of several events each half is tried by itself, so that an event at fault
        is left alone in the end and the others are stored, in order. What is unexpected counts as out of reach.
        """
        outcome = Outcome(parcels, self._store)
        running = [parcel for parcel in parcels if parcel.depart()]
        self._look_back(running)
        topics: dict[str, list[Parcel]] = {}
        for parcel in running:
            topics.setdefault(parcel.event.topic, []).append(parcel)
        # with whether an earlier try of them may have taken effect; the next one last
        left: list[tuple[Sequence[Parcel], bool]] = [(group, False) for group in reversed(topics.values())]
        while left and outcome.broken is None:
            group, uncertain = left.pop()
            try:
                outcome.stored.append((group, self._request(group)))
            except ServiceError as error:
                uncertain = uncertain or error.uncertain
                if len(group) == 1 or error.status not in _OF_AN_EVENT:
                    outcome.fail(group, error, uncertain=uncertain)
                    continue
                middle = len(group) // 2
                left += [(group[middle:], uncertain), (group[:middle], uncertain)]
                if isinstance(error, TooLarge):
                    self.max_bytes = sum(len(parcel.line) for parcel in group) // 2
            except BaseException as error:  # noqa: BLE001 - whatever it is, somebody waits for these futures
                outcome.broken = self._out_of_reach(error)
                outcome.fail(group, outcome.broken, uncertain=outcome.broken.uncertain or uncertain)
        if outcome.broken is not None:
            for group, uncertain in left:
                outcome.fail(group, outcome.broken, uncertain=uncertain)
        return outcome

    def give_up(self, parcels: Sequence[Parcel], error: Unavailable) -> Outcome:
        """What becomes of parcels that were never sent."""
        running = [parcel for parcel in parcels if parcel.depart()]
        self._look_back(running)
        outcome = Outcome(parcels, self._store)
        outcome.fail(running, error, uncertain=False)
        return outcome

    def _out_of_reach(self, error: BaseException) -> Unavailable:
        if isinstance(error, Unavailable):
            return error
        last = error if isinstance(error, Exception) else PubSubError(f"{error!r} in the batch's thread")
        broken = Unavailable("publish", self._transport.service.urls["publish"], 1, 0.0, last)
        broken.uncertain = True
        return broken

    def _look_back(self, parcels: Sequence[Parcel]) -> None:
        for parcel in parcels:
            parcel.tried_before = self._store in parcel.event.first_tries

    def _request(self, group: Sequence[Parcel]) -> list[Receipt]:
        events = [parcel.event for parcel in group]
        since_us = first_try_us(events, self._store, self._transport.clock.now_us())
        request = Request(events[0].topic, range(len(group)), [parcel.line for parcel in group])
        answer = self._transport.call("publish", encode_request(request, self._publisher, since_us))
        return read_receipts(answer.body, len(group))
