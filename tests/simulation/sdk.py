"""The SDK itself within the simulation: its classes, over a transport that reaches the simulated service.

What is replaced is what it takes from its process and from the network; how it fetches, holds and settles is its own code.
"""

from __future__ import annotations

import logging
import threading
from contextlib import AbstractContextManager, ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import msgspec

from pubsubclient._core import store_clock
from pubsubclient._core.clock import Clock
from pubsubclient._core.errors import ServiceError, Unavailable
from pubsubclient._core.store_clock import StoreClock
from pubsubclient._http import call
from pubsubclient._http.call import CallCancelled, Cancellation
from pubsubclient._http.transport import Response
from pubsubclient._subscribe import held_leases, outcome_sender, pull, stream, subscriber
from pubsubclient._subscribe.fetch import Fetch
from pubsubclient._subscribe.held_leases import HeldLeases
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.stream import Stream
from pubsubservice.admin import housekeeping
from pubsubservice.api.get_events import decode_get_events, encode_response
from pubsubservice.core.problems import Problem

from .standins import Local, Secrets, Threads, Time, settling_at_exit

if TYPE_CHECKING:
    from .processes import Process
    from .world import World

__all__ = ["Sdk", "in_place"]

#: how long a call is tried again, seconds: longer than a frozen process or a stall mostly is
_DEADLINE_S = 30.0
#: what the service says of a token that is ahead of a clock that was set back
_AHEAD = "invalid_token"

# the SDK warns of what comes again, as it is to here
logging.getLogger("pubsubclient").addHandler(logging.NullHandler())


class Sdk:
    """The parts of the SDK, which the tests replace by broken ones, to show that they would be caught."""

    outcomes_type = Outcomes
    held_leases_type = HeldLeases
    stream_type = Stream
    fetch_type = Fetch
    clock_type = StoreClock
    local_type = Local


class Transport:
    """Stands for the SDK's transport: a call is a call of the service, in as many tries as it takes."""

    def __init__(self, process: Process, sdk: type[Sdk], clock: Clock) -> None:
        self._process = process
        self.clock = sdk.clock_type(clock)
        self.knows_wake = True
        self.service = SimpleNamespace(deadline_s=_DEADLINE_S, clock=clock)

    def register(self, _: object) -> Response:
        self.clock.observe(self._process.world.store.now())
        return Response({}, None, None)

    def token(self, _: str) -> str:
        token = self.clock.token()
        assert token is not None
        return token

    def call(
        self,
        function: str,
        body: Any,
        *,
        wait_s: float = 0.0,
        deadline_s: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> Response:
        """One call of `get_events`. Raises as the SDK's transport does."""
        process = self._process
        process.check_alive()
        request = decode_get_events(msgspec.json.encode(body(wait_s) if callable(body) else body))
        process.watch.asks(request)
        give_up = process.monotonic() + (deadline_s or _DEADLINE_S) + wait_s

        def is_over() -> bool:
            cancelled = cancellation is not None and cancellation.cancelled
            return cancelled or process.monotonic() >= give_up

        with process.calling(cancellation):
            done = process.talk.ask(request, give_up=is_over, refusals=(_AHEAD,), wait_s=wait_s)
        if done is None:
            if cancellation is not None and cancellation.cancelled:
                raise CallCancelled(uncertain=True)
            process.watch.failed()
            unavailable = Unavailable(function, "simulated", 1, 0.0, TimeoutError())
            unavailable.uncertain = True
            raise unavailable
        answer, time = done
        if time:
            self.clock.observe(time)
        if isinstance(answer, Problem):
            self.clock.refused(time or None)
            raise ServiceError(function, answer.status, answer.code, answer.detail)
        process.watch.answered(request, answer)
        return Response(msgspec.json.decode(encode_response(answer)), time or None, 1.0 if answer.crowded else None)


def in_place(world: World, sdk: type[Sdk]) -> AbstractContextManager[object]:
    """Have the SDK's modules take what they need from the processes of a world."""
    mine = threading.get_ident()

    def whose() -> Process | None:
        actor = world.scheduler.current
        if actor is None or threading.get_ident() != mine:
            return None
        return world.process_of(actor)

    def transport(_: object) -> Transport:
        process = whose()
        assert process is not None
        return Transport(process, sdk, clock)

    clock, threads, settle_at_exit = Time(whose), Threads(whose), settling_at_exit(whose)
    replaced: list[tuple[Any, dict[str, Any]]] = [
        (call, {"threading": threads}),
        (store_clock, {"secrets": Secrets(world.scheduler)}),
        (held_leases, {"_Mine": lambda: sdk.local_type(whose), "settle_at_exit": settle_at_exit}),
        (outcome_sender, {"threading": threads, "settle_at_exit": settle_at_exit}),
        (pull, {"settle_at_exit": settle_at_exit}),
        (stream, {"settle_at_exit": settle_at_exit, "Fetch": sdk.fetch_type}),
        (
            subscriber,
            {
                "Transport": SimpleNamespace(to=transport),
                "find_service": lambda _: None,
                "Outcomes": sdk.outcomes_type,
                "HeldLeases": sdk.held_leases_type,
                "Stream": sdk.stream_type,
                "Fetch": sdk.fetch_type,
            },
        ),
    ]
    lines = {name: getattr(world.lines, name) for name in ("log_subscription", "logs_subscriptions")}
    replaced.append((housekeeping, lines))
    stack = ExitStack()
    for module, parts in replaced:
        stack.enter_context(mock.patch.multiple(module, **parts))
    return stack
