"""A private event loop, on which a blocking call awaits coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any

__all__ = ["NoPlaceForLoop", "OwnLoop"]


class NoPlaceForLoop(Exception):  # noqa: N818
    """An event loop already runs in this thread, so a second one cannot."""


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class OwnLoop:
    """Runs coroutines one after another on one event loop, which the first one creates. Leaving the `with` closes it.

    Tasks that the coroutines have started and not awaited go on while later coroutines run. `close` cancels them, as
    ``asyncio.run`` does. (From Python 3.11 on, `asyncio.Runner` could replace this class.)
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end, and return its result.

        Raises:
            NoPlaceForLoop: an event loop runs in this thread; the coroutine was not started
            BaseException: any exception of the coroutine
        """
        if _is_loop_running():
            coroutine.close()
            raise NoPlaceForLoop
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(coroutine)

    def close(self) -> None:
        """Cancel the remaining tasks, wait until they have ended, and close the loop."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        try:
            loop.run_until_complete(_cancel(asyncio.all_tasks(loop)))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()

    def __enter__(self) -> OwnLoop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
