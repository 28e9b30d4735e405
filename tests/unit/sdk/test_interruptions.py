"""An exception out of a signal handler, at any line of ours: whoever got nothing acknowledges nothing."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import pubsubclient
from pubsubclient import ReceivedEvent, Service, Subscriber
from unit.sdk.scripted import ScriptedService, event, lease

_OURS = str(Path(pubsubclient.__file__).parent)


_loops: list[Generator[ReceivedEvent, None, None]] = []


class _InterruptedError(BaseException):
    """What a soft time limit raises."""


class _Interrupter:
    """Raises at the nth line of this package that the thread comes to once the lease is there."""

    def __init__(self, server: ScriptedService, at: int) -> None:
        self._server = server
        self._left = at
        self.raised = False

    def __call__(self, frame: FrameType, kind: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_OURS):
            return None
        # no signal handler runs between the end of a `with` block and the release of its lock, but a tracer does
        leaves = linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith("with ")
        if kind == "line" and not leaves and not self.raised and self._server.asked_for("get_events"):
            self._left -= 1
            if self._left < 0:
                self.raised = True
                raise _InterruptedError
        return self


def _get(subscriber: Subscriber) -> object:
    return subscriber.get_events(wait=1)


def _pull(subscriber: Subscriber) -> object:
    return subscriber.pull(wait=1).__enter__()


def _loop(subscriber: Subscriber) -> object:
    loop = subscriber.events(wait=0)
    _loops.append(loop)  # which is left when nobody raises any more
    return next(loop)


@pytest.mark.slow
@pytest.mark.parametrize("call", [_get, _pull, _loop], ids=["get_events", "pull", "events"])
def test_what_nobody_got_is_given_back_wherever_it_was_interrupted(
    server: ScriptedService, call: Callable[[Subscriber], object]
) -> None:
    """Line by line: it is released with the next request, and never acknowledged."""
    at = 0
    while True:
        server.asked.clear()
        server.script("get_events", lease(event(1)))
        subscriber = Subscriber("billing", service=Service(server.url))
        interrupter = _Interrupter(server, at)
        sys.settrace(interrupter)
        try:
            call(subscriber)
        except _InterruptedError:
            pass
        finally:
            sys.settrace(None)
            while _loops:
                _loops.pop().close()
        if not interrupter.raised:
            break
        server.as_usual("get_events")
        token = server.calls("get_events")[0]["lease"]
        subscriber.get_events()
        subscriber.close()
        for body in server.calls("get_events"):
            assert token not in [entry["lease"] for entry in body.get("ack", ())], f"line {at}"
        at += 1
    assert at > 20
