"""The SDK without one rule each, of what it fetches, holds and settles, and how it leaves: the simulation must find them."""

from __future__ import annotations

from typing import Any

from pubsubclient._core.errors import ServiceError
from pubsubclient._core.store_clock import StoreClock
from pubsubclient._events.lease import Lease
from pubsubclient._subscribe.fetch import Fetch
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.stream import Stream

from .mix import Mix
from .sdk import Sdk
from .standins import Local

__all__ = ["BROKEN_CLIENTS", "CLIENT_MIXES"]


class AcksWait(Sdk):
    """What is done is acknowledged with the next fetch, whenever that is."""

    class outcomes_type(Outcomes):
        def _begin(self, pause_s: float = 0.0) -> None:
            pass


class RestKept(Sdk):
    """A loop that is left keeps what it did not come to, until its lease ends."""

    class stream_type(Stream):
        def _leave(self) -> dict[str, object] | None:
            super()._leave()
            return None


class _AsManyAsThereAre:
    def __init__(self, pace: Any) -> None:
        self._pace = pace

    def took(self, seconds: float) -> None:
        self._pace.took(seconds)

    def next_size(self) -> int:
        return 100


class Hoards(Sdk):
    """A loop fetches a number of events, however long its body takes for one."""

    class stream_type(Stream):
        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            self._pace = _AsManyAsThereAre(self._pace)  # type: ignore[assignment]


class CurrentIsDone(Sdk):
    """A loop that is left acknowledges the event that it is at."""

    class stream_type(Stream):
        def _leave(self) -> dict[str, object] | None:
            if self._current is not None and self._lease is not None:
                self._outcomes.ack(self._lease, self._current.ref)
            return super()._leave()


class NumberIsThread(Sdk):
    """Threads are told apart by their numbers, which one that ends leaves to another."""

    class local_type(Local):
        def thread(self) -> object:
            process = self.__dict__["_process"]
            return process.number_of(process.scheduler.current)

        def forget(self, thread: object) -> None:
            pass


class OneForAll(Sdk):
    """Whichever thread comes back acknowledges what all of them have in hand."""

    class local_type(Local):
        def thread(self) -> object:
            return None


class TakenBackAllTheSame(Sdk):
    """A loop goes on with what the service took back when an older event of an ordered topic was given back."""

    class stream_type(Stream):
        def _drop_taken_back(self, lease: Lease) -> None:
            pass


class ClockOnlyRises(Sdk):
    """What is known of the store's time never falls, though its clock was set back."""

    class clock_type(StoreClock):
        def observe(self, store_time_us: int) -> None:
            if store_time_us > (self.now_us() or 0):
                super().observe(store_time_us)


class RefusalIsFinal(Sdk):
    """A token that is ahead of a clock that was set back ends the call."""

    class fetch_type(Fetch):
        def _may_mend(self, error: ServiceError) -> bool:
            return False


#: the rules by what they are called, with the SDK that lacks them
BROKEN_CLIENTS: dict[str, type[Sdk]] = {
    "what is done is acknowledged soon": AcksWait,
    "a loop gives back what it did not come to": RestKept,
    "a loop fetches a second of work": Hoards,
    "what a loop is at is not done": CurrentIsDone,
    "a thread is more than its number": NumberIsThread,
    "each thread has its own outcome": OneForAll,
    "ordered: a loop drops what was taken back": TakenBackAllTheSame,
    "a clock that is set back counts": ClockOnlyRises,
    "a token ahead is made anew": RefusalIsFinal,
}
#: in which mix their absence shows soonest
CLIENT_MIXES: dict[str, Mix] = {
    rule: Mix(ordered=rule.startswith("ordered"), programs=3, patterns=False, expire_s=100, change_s=100)
    for rule in BROKEN_CLIENTS
}
