"""Handlers made from plain functions, without App: what the worker knows of a handler is the protocol alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from pubsubclient import ReceivedEvent, Service
from pubsubclient._worker.handler import Consumer, Subscription
from pubsubclient._worker.options import Options
from pubsubclient._worker.outcome import Outcome, Pause, Reject, Retry
from pubsubclient._worker.worker import Worker

__all__ = ["FunctionHandler", "consumer", "outcome_of", "worker_of"]


def outcome_of(error: BaseException) -> Outcome:
    """What an exception means, as App says."""
    if isinstance(error, Retry):
        return Outcome("retry", error.reason, error.delay, error)
    if isinstance(error, Reject):
        return Outcome("reject", error.reason, error=error)
    if isinstance(error, Pause):
        return Outcome("pause", error.reason, error.seconds, error)
    return Outcome("retry", f"{type(error).__name__}: {error}", error=error, fatal=isinstance(error, MemoryError))


class FunctionHandler:
    """A handler that calls a function with an event, or with a list of them if it has `batch`."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        batch: int | None = None,
        timeout: float | None = None,
        concurrency: int | None = None,
        max_attempts: int | None = None,
        lane: Callable[[ReceivedEvent], Hashable | None] = lambda event: None,
        takes: Callable[[ReceivedEvent], bool] = lambda event: True,
    ) -> None:
        self._function = function
        self.name = f"{function.__module__}.{function.__name__}"
        self.is_async = asyncio.iscoroutinefunction(function)
        self.batch = batch
        self.timeout_s = timeout
        self.concurrency = concurrency
        self.max_attempts = max_attempts
        self._lane = lane
        self._takes = takes

    def lane(self, event: ReceivedEvent) -> Hashable | None:
        return self._lane(event)

    def takes(self, event: ReceivedEvent) -> bool:
        return self._takes(event)

    def run(self, events: Sequence[ReceivedEvent]) -> Outcome:
        try:
            self._function(list(events) if self.batch else events[0])
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return outcome_of(error)
        return Outcome("ack")

    async def run_async(self, events: Sequence[ReceivedEvent]) -> Outcome:
        try:
            await self._function(list(events) if self.batch else events[0])
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise
        except BaseException as error:
            return outcome_of(error)
        return Outcome("ack")


def consumer(
    subscriber: str, topic: str, *handlers: FunctionHandler | Callable[[Any], Any], **settings: Any
) -> Consumer:
    """One subscriber of one topic, with handlers or functions."""
    made = [one if isinstance(one, FunctionHandler) else FunctionHandler(one) for one in handlers]
    return Consumer(subscriber, made, [Subscription(topic, settings)])


def worker_of(service: Service, *consumers: Consumer, lifespan: Any = None, **options: Any) -> Worker:
    return Worker(consumers, service, Options(**options), lifespan)
