"""The demo's processes: started together, listened to, never left over."""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any

from demo.messages import Failed, Finished, Message

__all__ = ["Crew", "CrewError"]

#: without any news for so long, something is stuck
_PATIENCE_S = 60.0
_LOOK_S = 0.5


class CrewError(Exception):
    """A process failed, or none has any news."""


class Crew:
    """Processes that tell what they do; whatever still runs at the end of the ``with`` is killed."""

    def __init__(self) -> None:
        # spawned, not forked: the same on every system
        self._context = multiprocessing.get_context("spawn")
        self._messages: multiprocessing.Queue[Message] = self._context.Queue()
        self._running: dict[str, BaseProcess] = {}
        #: raised by the one who has seen enough
        self.enough = self._context.Event()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        for process in self._running.values():
            process.kill()
            process.join()

    def start(self, name: str, work: Callable[..., None], *arguments: Any) -> None:
        """Run ``work(tell, *arguments)`` in a process."""
        process = self._context.Process(target=_run, args=(name, self._messages, work, arguments), name=name)
        process.start()
        self._running[name] = process

    def news(self) -> Iterator[Message]:
        """What the processes tell, until all have finished. Raises CrewError."""
        heard = time.monotonic()
        while self._running:
            try:
                message = self._messages.get(timeout=_LOOK_S)
            except queue.Empty:
                self._look(time.monotonic() - heard)
                continue
            heard = time.monotonic()
            if isinstance(message, Failed):
                raise CrewError(f"{message.process} failed: {message.error}")
            if isinstance(message, Finished):
                self._running.pop(message.process).join()
            yield message

    def _look(self, silent_s: float) -> None:
        # one that died without a word; one that has just ended well has sent its last message before
        dead = [process.name for process in self._running.values() if process.exitcode]
        if dead:
            raise CrewError(f"{', '.join(dead)} died")
        if silent_s > _PATIENCE_S:
            raise CrewError(f"nothing has happened for {silent_s:.0f} s; {', '.join(self._running)} did not finish")


def _run(
    name: str, messages: multiprocessing.Queue[Message], work: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    try:
        work(messages.put, *arguments)
    except KeyboardInterrupt:
        pass  # the one who started us says so
    except Exception as error:  # noqa: BLE001 - to be told, whatever it is
        messages.put(Failed(name, f"{type(error).__name__}: {error}"))
