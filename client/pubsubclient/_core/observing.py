"""What watches this package's calls, if anything does: `pubsubclient.otel`. Without it a call pays one ``if``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["NOTHING", "BatchObserver", "Observer", "observer", "observing_settlement", "prefetching", "set_observer"]


class BatchObserver(Protocol):
    """Watches one request of a batch."""

    def current(self) -> AbstractContextManager[object]:
        """Enter what is sent meanwhile as a part of the request."""

    def end(self, results: Sequence[Any]) -> None:
        """The request has ended: with a receipt or an error for each event, or None for one that was not sent."""


class Observer(Protocol):
    """Watches calls. Nothing that it is given is kept, changed or shown, but for the context that `Event.carry` adds."""

    def headers(self) -> Mapping[str, str]:
        """Return headers for a request that is sent now."""

    def publishing(self, events: Sequence[Any], service: Any) -> AbstractContextManager[list[Any]]:
        """Watch a call that publishes events, before they are encoded. The caller adds each request's receipts to the list."""

    def queued(self, event: Any) -> None:
        """An event goes into a batch, and is encoded next."""

    def batch(self, events: Sequence[Any], service: Any) -> BatchObserver:
        """A request of a batch begins."""

    def received(self, events: Sequence[Any], subscriber: str, service: Any, began_ns: int) -> None:
        """A call that began at `began_ns`, ns since 1970, has brought events."""

    def processing(self, events: Sequence[Any], subscriber: str) -> AbstractContextManager[object]:
        """Watch a handler's run."""

    def settling(self, settlements: Mapping[str, Any], subscriber: str, service: Any) -> AbstractContextManager[object]:
        """Watch a request that settles events."""


#: whether events that this thread fetches are for handlers to come, so that nobody has received them yet
prefetching: ContextVar[bool] = ContextVar("prefetching", default=False)

#: a context for calls that nothing watches
NOTHING: nullcontext[None] = nullcontext()

_observer: Observer | None = None
_SETTLED = ("ack", "nack", "release")


def observer() -> Observer | None:
    """Return what watches; None, as a rule."""
    return _observer


def set_observer(watching: Observer | None) -> None:
    """Let something watch from now on, or nothing."""
    global _observer
    _observer = watching


def observing_settlement(
    settlements: Mapping[str, Any], subscriber: str, service: Any
) -> AbstractContextManager[object]:
    """Watch a request that settles events, if there is an observer, and if the request does."""
    watching = _observer
    if watching is None or not any(map(settlements.get, _SETTLED)):
        return NOTHING
    return watching.settling(settlements, subscriber, service)
