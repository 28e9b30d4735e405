"""What a worker runs: handlers, and the subscriber whose events they share."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pubsubclient._events.received import ReceivedEvent
from pubsubclient._subscribe.arguments import Topics
from pubsubclient._subscribe.subscriber import Subscriber
from pubsubclient._worker.outcome import Outcome

__all__ = ["Consumer", "Handler", "Subscription"]


class Handler(Protocol):
    """Runs a program's function over events, and says what becomes of them."""

    @property
    def name(self) -> str:
        """``module.function``, for the log."""

    @property
    def is_async(self) -> bool:
        """Whether `run_async` is to be awaited in the worker's event loop; otherwise `run` is called in a thread."""

    @property
    def batch(self) -> int | None:
        """The most events of one run; None for one event a run, of a function that takes no list."""

    @property
    def timeout_s(self) -> float | None:
        """Seconds after which a run has failed; None for no limit."""

    @property
    def concurrency(self) -> int | None:
        """The most runs at one time; None for as many as the worker has room for."""

    @property
    def max_attempts(self) -> int | None:
        """The deliveries before an event becomes a dead letter, if the program says so; None for the subscription's."""

    def takes(self, event: ReceivedEvent) -> bool:
        """Whether the handler is for this event."""

    def lane(self, event: ReceivedEvent) -> Hashable | None:
        """The lane of an event: events of one lane run one after another, in order. None: beside all others. Never raises."""

    def run(self, events: Sequence[ReceivedEvent]) -> Outcome:
        """Run the function over these events; several only with `batch`. Raises KeyboardInterrupt and nothing else."""

    async def run_async(self, events: Sequence[ReceivedEvent]) -> Outcome:
        """Run an ``async def`` function. Raises KeyboardInterrupt, CancelledError, and nothing else."""


@dataclass(frozen=True)
class Subscription:
    """A subscription that handlers need."""

    topic: Topics
    #: arguments of `Subscriber.subscribe`; what is not there keeps its value
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Consumer:
    """A subscriber's name, and the handlers that share its events."""

    subscriber: str
    handlers: Sequence[Handler]
    subscriptions: Sequence[Subscription]

    def subscribe(self, subscriber: Subscriber) -> None:
        """Make or change all subscriptions. Raises what `Subscriber.subscribe` raises."""
        for subscription in self.subscriptions:
            subscriber.subscribe(subscription.topic, **subscription.settings)

    def handler_of(self, event: ReceivedEvent) -> Handler | None:
        """Return the first handler that takes the event; None if none does."""
        for handler in self.handlers:
            if handler.takes(event):
                return handler
        return None
