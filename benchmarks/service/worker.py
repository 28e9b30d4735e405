"""A contender in a process of its own, so that none shares an interpreter, a codec or a garbage collector with another."""

from __future__ import annotations

import importlib
import multiprocessing
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["Worker"]


class Worker:
    """Calls the methods of a contender over a pipe.

    Args:
        kind: "module:class" of it
        arguments: what it is made with
        without: modules that are to seem not installed
    """

    def __init__(self, kind: str, *arguments: Any, without: tuple[str, ...] = ()) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, kind, arguments, without), daemon=False)
        self._process.start()
        theirs.close()
        self.name: str = self._result()

    def call(self, method: str, *arguments: Any) -> Any:
        """The result of a method; raises RuntimeError with what went wrong in it."""
        self._pipe.send((method, arguments))
        return self._result()

    def close(self) -> None:
        """End the contender."""
        try:
            self.call("close")
        finally:
            self._pipe.close()
            self._process.join(20)

    def _result(self) -> Any:
        try:
            good, value = self._pipe.recv()
        except EOFError:
            raise RuntimeError(f"the worker ended with {self._process.exitcode}") from None
        if not good:
            raise RuntimeError(value)
        return value


def _serve(pipe: Connection, kind: str, arguments: tuple[Any, ...], without: tuple[str, ...]) -> None:
    # the run itself is told too, and closes us; handlers, since a server would inherit that a signal is ignored
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    for name in without:
        sys.modules[name] = None  # type: ignore[assignment]
    module, _, attribute = kind.partition(":")
    try:
        contender = getattr(importlib.import_module(module), attribute)(*arguments)
    except Exception as error:  # noqa: BLE001 - told to who waits for it
        pipe.send((False, f"{type(error).__name__}: {error}"))
        return
    pipe.send((True, contender.name))
    while True:
        try:
            method, given = pipe.recv()
        except EOFError:  # the run was killed
            contender.close()
            return
        try:
            answer = (True, getattr(contender, method)(*given))
        except Exception as error:  # noqa: BLE001 - as above
            answer = (False, f"{contender.name}.{method}: {type(error).__name__}: {error}")
        pipe.send(answer)
        if method == "close":
            return
