"""The SDK without one rule each, of what it fetches, holds and settles, and how it leaves: the simulation must find them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pubsubclient._core.errors import PubSubError, ServiceError
from pubsubclient._core.store_clock import StoreClock
from pubsubclient._events.lease import Lease
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._subscribe.fetch import Fetch
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.pending import Collected
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


class RestFailed(Sdk):
    """What a loop that is left did not come to has failed."""

    class stream_type(Stream):
        def end(self) -> None:
            rest = self._leave()
            with suppress(PubSubError):
                self._outcomes.carry_out({"nack": [rest]} if rest else {})


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
                self._outcomes.ack(self._current)
            return super()._leave()


class WholeLeaseIsDone(Sdk):
    """A loop that comes back acknowledges all that was fetched with the event that is done."""

    class stream_type(Stream):
        def next(self) -> ReceivedEvent | None:
            if self._current is not None and self._lease is not None:
                for event in self._left:
                    self._outcomes.ack(event)
            return super().next()


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

        def refused(self, store_time_us: int | None) -> None:
            super().refused(None)


class RefusalIsFinal(Sdk):
    """A token that is ahead of a clock that was set back ends the call."""

    class fetch_type(Fetch):
        def _may_mend(self, error: ServiceError) -> bool:
            return False


class AheadKept(Sdk):
    """A token that is to be released, and is ahead of a clock that was set back, is sent again and again."""

    class outcomes_type(Outcomes):
        def drop_ahead(self, collected: Collected, error: BaseException) -> bool:
            return False


#: the rules by what they are called, with the SDK that lacks them
BROKEN_CLIENTS: dict[str, type[Sdk]] = {
    "what is done is acknowledged soon": AcksWait,
    "a loop gives back what it did not come to": RestKept,
    "what nobody has begun has not failed": RestFailed,
    "a loop fetches a second of work": Hoards,
    "what a loop is at is not done": CurrentIsDone,
    "coming back is about one event": WholeLeaseIsDone,
    "a thread is more than its number": NumberIsThread,
    "each thread has its own outcome": OneForAll,
    "ordered: a loop drops what was taken back": TakenBackAllTheSame,
    "a clock that is set back counts": ClockOnlyRises,
    "a token ahead is made anew": RefusalIsFinal,
    "a token ahead is not released": AheadKept,
}
_MIX = Mix(programs=3, expire_s=100, change_s=100)
_CLOCKS = Mix(programs=3, expire_s=100, change_s=100, set_back=0.01)
#: in which mix their absence shows soonest
CLIENT_MIXES: dict[str, Mix] = dict.fromkeys(BROKEN_CLIENTS, _MIX) | {
    "ordered: a loop drops what was taken back": Mix(ordered=True, poison=0.3, programs=3, expire_s=100, change_s=100),
    "a clock that is set back counts": _CLOCKS,
    "a token ahead is made anew": _CLOCKS,
    "a token ahead is not released": _CLOCKS,
}
