"""Measure what waits over Firestore promise: ``python -m unit.google.listen``. Exit code 1 if a bound was missed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from grpc import StatusCode

from pubsub_emulator.errors import EmulatorError
from pubsub_emulator.google_firestore.process import start_emulator
from unit.google.listen import figures


class Row(NamedTuple):
    """A figure, what it may be, and whether it is."""

    what: str
    figure: str
    bound: str
    holds: bool


class Sizes(NamedTuple):
    """How much is done."""

    #: how long the waits last in which nothing comes, seconds
    wait_s: float = 20.0
    #: races of eight waits
    rounds: int = 3_000
    #: how long streams are killed, seconds
    killed_s: float = 20.0
    #: processes that fork, twice each
    forking: int = 5
    #: how often a process is stopped
    stops: int = 3


_QUICK = Sizes(2.0, 100, 3.0, 1, 1)


def _reads(emulator: str, sizes: Sizes) -> Iterator[Row]:
    names = ("1 topic", "pattern, 1 topic", "pattern, 20 topics", "pattern, 100 topics")
    found = figures.reads(emulator, sizes.wait_s)
    for name, reads, bound in zip(names, found, (3, 5, 43, 203), strict=True):
        yield Row(f"reads of a wait of {sizes.wait_s:.0f} s: {name}", str(reads), str(bound), reads == bound)


def _threads(emulator: str, sizes: Sizes) -> Iterator[Row]:
    more = figures.threads(100)
    yield Row("threads of 100 waits beyond 100", str(more), "≤ 6", more <= 6)


def _races(emulator: str, sizes: Sizes) -> Iterator[Row]:
    lost = figures.races(emulator, sizes.rounds)
    yield Row(f"waits lost in {sizes.rounds:,} races of 8", str(lost), "0", lost == 0)


def _killed(emulator: str, sizes: Sizes) -> Iterator[Row]:
    told, late_s = figures.killed(sizes.killed_s)
    what = f"streams killed every 50 ms for {sizes.killed_s:.0f} s, {told} waits: told at the latest after"
    yield Row(what, f"{late_s:.2f} s", "≤ 1.5 s", late_s <= 1.5)


def _refused(emulator: str, sizes: Sizes) -> Iterator[Row]:
    for code in (StatusCode.RESOURCE_EXHAUSTED, StatusCode.NOT_FOUND, StatusCode.UNIMPLEMENTED):
        streams, more = figures.never_works(code)
        yield Row(f"{code.name} for ever: streams in the first minute", str(streams), "≤ 6", streams <= 6)
        yield Row(f"{code.name} for ever: reads beyond those of polls", str(more), "0", more == 0)


def _forks(emulator: str, sizes: Sizes) -> Iterator[Row]:
    for room in (64, 1):
        took_s = figures.forks(room, sizes.forking)
        what = f"a fork in 10 waits, {room} a stream: the longest of {2 * sizes.forking}"
        yield Row(what, f"{took_s:.2f} s", "< 1 s", took_s < 1)


def _stopped(emulator: str, sizes: Sizes) -> Iterator[Row]:
    took_ms = figures.stopped(5.0, sizes.stops)
    what = f"stopped for 5 s between two waits: told after, median of {sizes.stops}"
    yield Row(what, f"{took_ms:.0f} ms", "≤ 50 ms", took_ms <= 50)


_ALL: dict[str, Callable[[str, Sizes], Iterator[Row]]] = {
    "reads": _reads,
    "threads": _threads,
    "races": _races,
    "killed": _killed,
    "refused": _refused,
    "forks": _forks,
    "stopped": _stopped,
}


def main() -> int:
    """Measure, and print each figure with its bound."""
    parser = argparse.ArgumentParser(prog="python -m unit.google.listen", description=__doc__)
    parser.add_argument("--only", choices=_ALL, action="append", help="default: all")
    parser.add_argument("--quick", action="store_true", help="shorter, which proves less")
    options = parser.parse_args()
    missed = False
    try:
        with _emulator() as address:
            for name in options.only or _ALL:
                for row in _ALL[name](address, _QUICK if options.quick else Sizes()):
                    print(f"{row.what:80} {row.figure:>8} {row.bound:>8}  {'' if row.holds else 'MISSED'}", flush=True)
                    missed = missed or not row.holds
    except EmulatorError as error:
        print(f"waits: {error}", file=sys.stderr)
        return 2
    return 1 if missed else 0


@contextmanager
def _emulator() -> Iterator[str]:
    """Google's emulator, at FIRESTORE_EMULATOR_HOST if it runs there."""
    running = os.environ.get("FIRESTORE_EMULATOR_HOST")
    if running:
        yield running
        return
    with start_emulator() as address:
        yield address


if __name__ == "__main__":
    sys.exit(main())
