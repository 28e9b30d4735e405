"""Joins the lifespans of an app and of the apps that it includes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import Any

__all__ = ["Lifespan", "joined"]

#: what a `Lifespan` returns
Span = AbstractContextManager[Any] | AbstractAsyncContextManager[Any]
Lifespan = Callable[[], Span]


def joined(lifespans: Sequence[Lifespan]) -> Lifespan | None:
    """Return a lifespan that enters all of these in order and leaves them in reverse; None if there are none.

    It is asynchronous if one of them is.
    """
    if len(lifespans) < 2:
        return lifespans[0] if lifespans else None

    def enter() -> Span:
        spans = [make() for make in lifespans]
        return _all(spans) if all(isinstance(span, AbstractContextManager) for span in spans) else _all_async(spans)

    return enter


@contextmanager
def _all(spans: Sequence[Span]) -> Iterator[None]:
    with ExitStack() as stack:
        for span in spans:
            if isinstance(span, AbstractContextManager):
                stack.enter_context(span)
        yield


@asynccontextmanager
async def _all_async(spans: Sequence[Span]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for span in spans:
            if isinstance(span, AbstractContextManager):
                stack.enter_context(span)
            else:
                await stack.enter_async_context(span)
        yield
