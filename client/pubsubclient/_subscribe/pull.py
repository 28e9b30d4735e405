"""Fetches events for a `with` block, whose end settles them."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from pubsubclient._core.at_exit import EXIT_DEADLINE_S, Verb, settle_at_exit
from pubsubclient._core.errors import InvalidArgument, PubSubError
from pubsubclient._events.event_list import Events
from pubsubclient._events.lease import Lease
from pubsubclient._fork import reset_in_child
from pubsubclient._http.service import Service
from pubsubclient._subscribe.fetch import Fetch
from pubsubclient._subscribe.held_leases import add_remainders
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.pending import Settlements

__all__ = ["Pull"]


class Pull:
    """The context manager of `Subscriber.pull`. Entering it fetches the events; it can be entered once."""

    def __init__(self, subscriber: str, outcomes: Outcomes, new_fetch: Callable[[], Fetch]) -> None:
        self._subscriber = subscriber
        self._outcomes = outcomes
        self._new_fetch: Callable[[], Fetch] | None = new_fetch
        self._leases: list[Lease] = []
        reset_in_child(self)

    def __enter__(self) -> Events:
        new_fetch, self._new_fetch = self._new_fetch, None
        if new_fetch is None:
            raise InvalidArgument("A pull is entered once; call pull() again for more events.")
        fetch = new_fetch()
        try:
            events = fetch.run()
            self._leases = fetch.leases
            settle_at_exit(self, holding=bool(self._leases))
            return events  # noqa: TRY300 - what a signal handler raises up to here must release the events
        except BaseException:
            self._leases = []
            fetch.release_all()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._settle("ack", None)
            return
        try:
            self._settle("nack" if isinstance(error, Exception) else "release", EXIT_DEADLINE_S)
        except PubSubError as e:
            # Logged, not raised: it would hide the exception that ends the block. Unsettled events come again anyway.
            self._outcomes.log_unsettled(e)

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:  # noqa: ARG002 - see below
        """Release the events at the end of the program, which interrupts the block in another thread."""
        self._settle("release", deadline_s)

    @property
    def service(self) -> Service:
        """The service at which the events are settled."""
        return self._outcomes.service

    @property
    def leases(self) -> list[Lease]:
        """The leases of the block's events."""
        return self._leases

    def after_fork(self) -> None:
        """Hold nothing in the child: the parent keeps its events and settles them."""
        self._leases = []
        settle_at_exit(self, holding=False)

    def __repr__(self) -> str:
        return f"events pulled by subscriber {self._subscriber!r}"

    def _settle(self, verb: Verb, deadline_s: float | None) -> None:
        """Settle the events that the block did not settle itself. After a failure the events come again; nothing is resent."""
        leases, self._leases = self._leases, []
        settle_at_exit(self, holding=False)
        settlements: Settlements = {}
        add_remainders(settlements, verb, leases)
        if settlements:
            self._outcomes.carry_out(settlements, deadline_s)
