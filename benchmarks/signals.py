"""What a send costs: this package against PyDispatcher, blinker, Django, psygnal and a bare loop, in one process.

    python benchmarks/signals.py            # a table
    python benchmarks/signals.py --json     # all figures

The bare loop is a function that calls the receivers with direct keywords and returns the list of receivers and
responses: the least that any library could do. Every contender sends a sender and two arguments; receivers take all of
them, or the sender and one. Contenders take turns in short rounds, and each figure is the median of its rounds, so that a busy
machine slows all of them alike. Only the ratios mean anything.

Needs PyDispatcher, blinker, Django and psygnal; one that is missing is left out.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import platform
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if (source := Path(__file__).parents[1] / "client").is_dir():
    sys.path.insert(0, str(source))

from pubsubclient import dispatcher
from signal_contenders import CONNECTED, CONTENDERS, KEPT, SENDER, SIGNAL, Case, Run, Sender, new_signal, receivers


@dataclass
class Figures:
    """What was measured."""

    #: {case: {contender: nanoseconds of one send}}
    sends: dict[str, dict[str, float]] = field(default_factory=dict)
    #: {contender: nanoseconds of connect, send, disconnect among 100 others}
    churn: dict[str, float] = field(default_factory=dict)
    #: {kind of connection: {contender: bytes of one}}
    memory: dict[str, dict[str, float]] = field(default_factory=dict)


# -- receivers -----------------------------------------------------------------------------------------------------


def medians(runs: dict[str, Run], rounds: int, round_s: float) -> dict[str, float]:
    """Let contenders take turns. Returns the median nanoseconds of one send of each."""
    times = {}
    for name, run in runs.items():
        run(50)  # compile, and warm the interpreter's own caches
        shortest = min(_seconds(run, 20) for _ in range(7))
        times[name] = max(int(round_s * 20 / shortest), 1)
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(_seconds(run, times[name]) / times[name] * 1e9)
    return {name: statistics.median(values) for name, values in taken.items()}


def available(make: Callable[[], Run]) -> Run | None:
    """A contender's cell, or None if it is not installed."""
    try:
        return make()
    except ImportError:
        return None


def _seconds(run: Run, times: int) -> float:
    """Processor time, so that what else the machine does between is not counted."""
    start = time.process_time()
    run(times)
    return time.process_time() - start


def measure_sends(figures: Figures, rounds: int, round_s: float) -> None:
    """Every case, every contender."""
    for count in (0, 1, 10, 100):
        for methods in (False, True):
            for part in (False, True):
                case = Case(count, methods, part)
                made = {name: available(lambda make=make, case=case: make(case)) for name, make in CONTENDERS.items()}
                runs = {name: run for name, run in made.items() if run is not None}
                figures.sends[str(case)] = medians(runs, rounds, round_s)
                clear()


def clear() -> None:
    """Let go of all receivers, so that one case does not slow the next."""
    for connection in CONNECTED:
        connection.disconnect()
    CONNECTED.clear()
    KEPT.clear()
    gc.collect()


def churn_of(module: Any) -> Run:
    """Connect a receiver, send, disconnect it, with 100 others connected throughout."""
    signal = new_signal()
    for receiver in receivers(Case(100, methods=False, part=False), "filtered"):
        module.connect(receiver, signal)
    (mine,) = receivers(Case(1, methods=False, part=False), "filtered")

    def run(times: int) -> None:
        for _ in range(times):
            module.connect(mine, signal)
            module.send(signal, SENDER, a=1, b=2)
            module.disconnect(mine, signal)

    return run


def measure_churn(figures: Figures, rounds: int, round_s: float) -> None:
    """Us and PyDispatcher."""
    runs = {"ours": churn_of(dispatcher)}
    theirs = available(lambda: churn_of(importlib.import_module("pydispatch.dispatcher")))
    if theirs is not None:
        runs["PyDispatcher"] = theirs
    figures.churn = medians(runs, rounds, round_s)
    clear()


def bytes_each(connect: Callable[[Callable[..., object], object], object], *, methods: bool, own: bool) -> float:
    """The memory of one connection among 2,000, after a send has reached them."""
    made = receivers(Case(2000, methods=methods, part=False), "blinker")
    senders = [Sender() for _ in made]
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for receiver, sender in zip(made, senders, strict=True):
        connect(receiver, sender if own else None)
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / len(made)


def measure_memory(figures: Figures) -> None:
    """Us, blinker and PyDispatcher; the receivers themselves not counted."""

    def connect_ours(receiver: Callable[..., object], sender: object) -> object:
        return dispatcher.connect(receiver, SIGNAL, dispatcher.Any if sender is None else sender)

    def connectors() -> dict[str, Callable[[Callable[..., object], object], object]]:
        found: dict[str, Callable[[Callable[..., object], object], object]] = {"ours": connect_ours}
        try:
            signal = importlib.import_module("blinker").Signal()
            found["blinker"] = lambda receiver, sender: (
                signal.connect(receiver) if sender is None else signal.connect(receiver, sender)
            )
            theirs = importlib.import_module("pydispatch.dispatcher")
            found["PyDispatcher"] = lambda receiver, sender: theirs.connect(
                receiver, SIGNAL, theirs.Any if sender is None else sender
            )
        except ImportError:
            pass
        return found

    for methods in (False, True):
        for own in (False, True):
            kind = f"{'method' if methods else 'function'}, {'a sender each' if own else 'any sender'}"
            figures.memory[kind] = {}
            for name, connect in connectors().items():
                figures.memory[kind][name] = bytes_each(connect, methods=methods, own=own)
                clear()


# -- showing -------------------------------------------------------------------------------------------------------


def show(figures: Figures) -> None:
    """Print the ratios."""
    columns = list(next(iter(figures.sends.values())))
    print("Sends. bare: nanoseconds; ours: times the bare loop; others: times `ours`.\n")
    print(f"{'receivers':22}" + "".join(f"{column:>18}" for column in columns))
    for case, row in figures.sends.items():
        cells = []
        for column in columns:
            base = 1.0 if column == "bare" else row["bare"] if column.startswith("ours") else row["ours"]
            cells.append(f"{row[column]:18.0f}" if column == "bare" else f"{row[column] / base:18.2f}")
        print(f"{case:22}" + "".join(cells))
    print("\nConnect, send and disconnect among 100 others, microseconds:")
    print("  " + ", ".join(f"{name} {value / 1000:.1f}" for name, value in figures.churn.items()))
    print("\nBytes of one connection:")
    for kind, row in figures.memory.items():
        print(f"  {kind:24}" + ", ".join(f"{name} {value:.0f}" for name, value in row.items()))


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.add_argument("--rounds", type=int, default=41, help="rounds of each cell (default 41)")
    parser.add_argument("--round-ms", type=float, default=2.0, help="length of one contender's turn (default 2)")
    options = parser.parse_args()
    figures = Figures()
    measure_sends(figures, options.rounds, options.round_ms / 1000)
    measure_churn(figures, options.rounds, options.round_ms / 1000)
    measure_memory(figures)
    if options.json:
        print(json.dumps({"python": platform.python_version(), **vars(figures)}, indent=1))
    else:
        show(figures)


if __name__ == "__main__":
    main()
