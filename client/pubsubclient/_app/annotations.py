"""What a type checker has to know of `App`; imported by type checkers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, Generic, overload

from typing_extensions import ParamSpec, TypedDict, TypeVar

from pubsubclient._app.declaration import Lane
from pubsubclient._core.arguments import Seconds
from pubsubclient._core.filters import Filters
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._events.topic import T, Topic
from pubsubclient._subscribe.arguments import StartPosition

__all__ = ["Declare", "HandlerOptions", "WorkerOptions"]

P = ParamSpec("P")
R = TypeVar("R")


class Declare(Generic[T]):
    """The decorator of functions that take data of type T first, or the event alone."""

    @overload
    def __call__(self, function: Callable[Concatenate[T, P], R], /) -> Callable[Concatenate[T, P], R]: ...
    @overload
    def __call__(self, function: Callable[[ReceivedEvent], R], /) -> Callable[[ReceivedEvent], R]: ...
    def __call__(self, function: Any, /) -> Any: ...


class HandlerOptions(TypedDict, total=False):
    """The options of `App.handler`, but for ``batch``."""

    type: str | None
    subscriber: str | None
    filters: Filters | None
    start: StartPosition | None
    ack_deadline: Seconds | None
    max_attempts: int | None
    backoff: Seconds | None
    dead_letter_topic: Topic[Any] | str | None
    ordered: bool | None
    lane: Lane | None
    timeout: Seconds | None
    concurrency: int | None
    publish_to: Topic[Any] | str | None


class WorkerOptions(TypedDict, total=False):
    """The options of `App.worker`."""

    concurrency: int
    async_concurrency: int
    drain_timeout: float
    burst: bool
    prefetch: float
    settle_within: float
    health: str | None
    subscribe: bool
