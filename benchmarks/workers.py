"""What a worker costs an event: ours against the bare loop, dramatiq and FastStream, in one run.

    python -m benchmarks.workers                 # a table, some two minutes
    python -m benchmarks.workers --events 2000 --rounds 1

Each contender has a process of its own, and a server of its own: ours is the emulator over SQLite, theirs are redis-server and
nats-server, with files. The events, of 1 KB, are stored before the clock starts. It stops when the last handler has ended, and
if ours left an event unsettled, the run would fail. Contenders take turns, and each figure is the median of its rounds: only
ratios within one run mean anything. What is not installed is left out.

Handlers do nothing, or sleep for 10 ms in 8 threads, of which 800 a second is the most.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.service.processes import ROOT
from benchmarks.worker_contenders import CONTENDERS, SLEEP_S, THREADS, lacks

#: the most that ours may take, as a part of what another takes
_BOUNDS = {"bare loop": 2.0, "dramatiq + Redis": 1 / 5, "FastStream + JetStream": 1 / 3}
#: the least of the 800 events a second that handlers of 10 ms reach
_LEAST = 0.9


def _measure(name: str, count: int, sleep_s: float) -> float:
    """Run a contender once, in a process of its own; returns the seconds it took."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.workers",
        "--one",
        name,
        "--events",
        str(count),
        "--sleep",
        str(sleep_s),
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{name}: {ran.stderr[-2000:]}")
    return float(ran.stdout.split()[-1])


def _rounds(names: list[str], count: int, sleep_s: float, rounds: int) -> dict[str, float]:
    """Return the median seconds of each contender; they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            taken[name].append(_measure(name, count, sleep_s))
    return {name: statistics.median(times) for name, times in taken.items()}


def main() -> int:
    """Run, print, and tell by the exit status whether all bounds were met."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.workers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--sleep", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(CONTENDERS[options.one][0](options.events, options.sleep))
        return 0
    names = []
    for name in CONTENDERS:
        missing = lacks(name)
        if missing:
            print(f"{name}: left out, not installed: {', '.join(missing)}")
        else:
            names.append(name)
    nothing = _rounds(names, options.events, 0.0, options.rounds)
    sleeping = max(160, options.events // 5)
    slow = _rounds([name for name in names if name != "bare loop"], sleeping, SLEEP_S, options.rounds)
    print(f"\nhandlers that do nothing, {options.events} events of 1 KB:")
    for name, seconds in nothing.items():
        print(f"  {name:24}{seconds / options.events * 1e6:8.0f} µs an event")
    print(f"handlers of 10 ms, {sleeping} events, 8 at once:")
    for name, seconds in slow.items():
        print(f"  {name:24}{sleeping / seconds:8.0f} events a second")
    met = _judge(nothing, sleeping / slow["worker"])
    if options.json:
        options.json.write_text(
            json.dumps({"nothing_s": nothing, "sleeping_s": slow}, indent=1) + "\n", encoding="utf-8"
        )
    return 0 if met else 1


def _judge(nothing: dict[str, float], reached: float) -> bool:
    """Print each bound and whether it was met; returns whether all were."""
    ours, met = nothing["worker"], True
    for name, bound in _BOUNDS.items():
        if name in nothing:
            ratio = ours / nothing[name]
            met = met and ratio <= bound
            print(f"  worker / {name}: {ratio:.2f}, at most {bound:.2f}: {'met' if ratio <= bound else 'MISSED'}")
    least = _LEAST * THREADS / SLEEP_S
    print(
        f"  worker with handlers of 10 ms: {reached:.0f}/s, at least {least:.0f}/s: {'met' if reached >= least else 'MISSED'}"
    )
    return met and reached >= least


if __name__ == "__main__":
    sys.exit(main())
