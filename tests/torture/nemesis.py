"""Who kills and freezes: one fault after another, drawn from a seed, each survived before the run is over."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable

from torture.fleet import Fleet, Process
from torture.googles import GooglesEmulator
from torture.times import ACK_DEADLINE_S, PAUSE_S

__all__ = ["Nemesis"]

#: from one fault to the next, seconds
_EVERY_S = (0.4, 2.0)
#: Google's emulator is frozen for so long, seconds
_EMULATOR_S = (0.3, 1.5)
_LOOK_S = 0.05
#: the end of a program may take so long: it settles what it has in hand, and its threads end. Seconds
_LEAVING_S = 20.0
#: what ends a consumer by its own signal handlers
_SIGNALS = {"told": signal.SIGTERM, "interrupted": signal.SIGINT}
#: what may happen, and how often compared with the others
_FAULTS = {
    "function killed": 3,
    "function frozen longer than F": 2,
    "consumer killed": 3,
    "consumer frozen": 2,
    "consumer told to exit": 2,
    "consumer interrupted": 1,
    "publisher killed": 2,
    "publisher frozen": 1,
    "expire killed": 4,
    "Google's emulator frozen": 3,
}


class Nemesis:
    """Does harm to a fleet while `run` runs, and none afterwards.

    Args:
        counts: where each fault is counted, by its name
        emulator: Google's emulator, if the store is that and it may be frozen
    """

    def __init__(self, fleet: Fleet, seed: int, counts: Counter[str], emulator: GooglesEmulator | None) -> None:
        self._fleet = fleet
        self._random = random.Random(seed)
        self._counts = counts
        self._emulator = emulator
        #: who is to go on, or to be started again, and when
        self._later: list[tuple[float, Callable[[], None]]] = []
        #: those that a signal ends, and by when
        self._leaving: dict[Process, float] = {}
        #: processes that ended though nobody killed them, or did not end when they were told to
        self.ended: list[str] = []

    def run(self, seconds: float) -> None:
        """Do harm for so long, then put everything right."""
        until = time.monotonic() + seconds
        next_fault = time.monotonic() + self._random.uniform(*_EVERY_S)
        while (now := time.monotonic()) < until:
            self._put_right(now)
            self._look_for_ended()
            if now >= next_fault:
                [fault] = self._random.choices(list(_FAULTS), list(_FAULTS.values()))
                if self._do(fault):
                    self._counts[fault] += 1
                    next_fault = now + self._random.uniform(*_EVERY_S)
            time.sleep(_LOOK_S)
        self._put_right(float("inf"))
        while self._leaving:
            self._look_for_ended()
            time.sleep(_LOOK_S)

    def _put_right(self, now: float) -> None:
        due = [entry for entry in self._later if entry[0] <= now]
        self._later = [entry for entry in self._later if entry[0] > now]
        for _, act in due:
            act()

    def _look_for_ended(self) -> None:
        for process, until in list(self._leaving.items()):
            if process.running and time.monotonic() < until:
                continue
            if process.running:
                self.ended.append(f"{process.name} did not end though a signal handler did: {process.last_words()}")
                process.kill()
            del self._leaving[process]
            process.start()
        killed = {process for process in self._fleet.all if process.exit_code == -9 or process in self._leaving}
        for process in self._fleet.all:
            if process.exit_code is not None and process not in killed:
                self.ended.append(f"{process.name} ended by itself with {process.exit_code}: {process.last_words()}")
                process.start()

    def _do(self, fault: str) -> bool:
        """Do it; says whether there was anybody to do it to."""
        who, what = fault.split(" ")[:2]
        if who == "Google's":
            return self._freeze_emulator()
        processes: list[Process] = {
            "function": list(self._fleet.functions),
            "consumer": self._fleet.consumers,
            "publisher": self._fleet.publishers,
            "expire": self._fleet.others,
        }[who]
        well = [each for each in processes if each.running and not each.paused and each not in self._leaving]
        if not well or (who == "function" and len(well) < len(processes)):
            return False  # one of the functions at a time
        victim = self._random.choice(well)
        if what == "killed":
            victim.kill()
            self._plan(self._random.uniform(0, 1), victim.start)
        elif what in _SIGNALS:
            victim.signal(_SIGNALS[what])
            self._leaving[victim] = time.monotonic() + _LEAVING_S
        else:
            victim.pause()
            long = PAUSE_S if who == "function" else (ACK_DEADLINE_S, ACK_DEADLINE_S + 2)
            self._plan(self._random.uniform(*long), victim.resume)
        return True

    def _freeze_emulator(self) -> bool:
        if self._emulator is None or self._emulator.paused:
            return False
        self._emulator.pause()
        self._plan(self._random.uniform(*_EMULATOR_S), self._emulator.resume)
        return True

    def _plan(self, in_s: float, act: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + in_s, act))
