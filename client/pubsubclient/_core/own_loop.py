"""An event loop of one thread's own, for coroutines that a blocking call has to await."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any

__all__ = ["NoPlaceForLoop", "OwnLoop"]


class NoPlaceForLoop(Exception):  # noqa: N818
    """This thread is inside an event loop already, and cannot run another one."""


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
    """Runs coroutines one after the other, all on one loop, which the first one makes. Leaving its block closes it.

    What they have started and not awaited goes on while another one runs, and is cancelled in the end, as by
    ``asyncio.run``. (`asyncio.Runner` would do, from Python 3.11 on.)
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end, and return what it returns.

        Raises:
            NoPlaceForLoop: the coroutine has not been begun
            BaseException: what the coroutine raises
        """
        if _is_loop_running():
            coroutine.close()
            raise NoPlaceForLoop
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(coroutine)

    def close(self) -> None:
        """Cancel what is left, and wait until it has ended."""
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
