"""Compare publishing and receiving with peers, and with the least that could be done, in one run.

    python -m benchmarks.service                       # tables, some fifteen minutes
    python -m benchmarks.service --quick               # a rough look
    python -m benchmarks.service --only lone,fan-out --json run.json --plot run.png

Peers that are not installed are left out: Google's Pub/Sub emulator (of the Google Cloud CLI), nats-server, redis-server,
with their Python clients; and wrk for many connections. Contenders take turns, and every figure is a median; ratios within
one run are what counts. Everything that is timed is checked to have been stored and delivered, or the run fails.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.service import contenders
from benchmarks.service.bounds import Verdict, verdicts
from benchmarks.service.ourselves import OURSELVES
from benchmarks.service.report import plot, table, verdict_table
from benchmarks.service.rounds import Figures
from benchmarks.service.sizes import QUICK, USUAL, Sizes
from benchmarks.service.workloads import WORKLOADS

_WORKLOADS = {**WORKLOADS, **OURSELVES}


def main() -> int:
    """Run, print, and tell by the exit code whether all bounds were met."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.service", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--only", default="", metavar="NAMES", help=f"of {', '.join(_WORKLOADS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the comparisons (needs matplotlib)")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(_WORKLOADS)
    if unknown := [name for name in names if name not in _WORKLOADS]:
        parser.error(f"unknown workloads: {', '.join(unknown)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are ended
    results: dict[str, Figures] = {}
    begun = time.perf_counter()
    for name in names:
        started = time.perf_counter()
        results[name] = _run(name, QUICK if options.quick else USUAL)
        print(f"{table(name, results[name])}\n\n{time.perf_counter() - started:.0f} s\n", flush=True)
        if options.json:
            options.json.write_text(_as_json(results, verdicts(results)), encoding="utf-8")
    bounds = verdicts(results)
    print(f"{verdict_table(bounds)}\n\n{(time.perf_counter() - begun) / 60:.0f} minutes in all")
    if options.plot:
        plot(results, options.plot)
    return 0 if all(verdict.met for verdict in bounds) else 1


def _run(name: str, sizes: Sizes) -> Figures:
    run, wanted = _WORKLOADS[name]
    with ExitStack() as until_done:
        workers = {}
        for contender in wanted:
            worker = contenders.start(contender)
            if worker is not None:
                until_done.callback(worker.close)
                workers[contender] = worker
        return run(workers, sizes)


def _as_json(results: dict[str, Figures], bounds: list[Verdict]) -> str:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    when = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    met = [{**verdict._asdict(), "met": verdict.met} for verdict in bounds]
    return json.dumps({"date": when, "machine": machine, "results": results, "bounds": met}, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
