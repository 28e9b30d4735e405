"""Compare publishing and receiving with peers, and with the least that could be done, in one run.

    python -m benchmarks.service                       # tables, a quarter of an hour
    python -m benchmarks.service --quick               # a rough look
    python -m benchmarks.service --full                # with a million events
    python -m benchmarks.service --only lone,fan-out --json run.json --plot run.png

Peers that are not installed are left out: Google's Pub/Sub emulator (of the Google Cloud CLI), nats-server, redis-server, with their
Python clients; and wrk for many connections. Contenders take turns, and every figure is a median; ratios within one run are what
counts. Everything that is timed is checked to have been stored and delivered, or the run fails.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import shutil
import sys
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from benchmarks.service.bounds import verdicts
from benchmarks.service.ourselves import OURSELVES
from benchmarks.service.report import markdown, plot
from benchmarks.service.rounds import Figures
from benchmarks.service.sizes import FULL, QUICK, USUAL
from benchmarks.service.workloads import WORKLOADS
from benchmarks.service.worker import Worker

_WORKLOADS = {**WORKLOADS, **OURSELVES}


def main() -> int:
    """Run, print, and tell by the exit code whether all bounds were met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--full", action="store_true", help="a million events where growth is measured")
    parser.add_argument("--only", default="", metavar="NAMES", help=f"of {', '.join(_WORKLOADS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the comparisons (needs matplotlib)")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(_WORKLOADS)
    if unknown := [name for name in names if name not in _WORKLOADS]:
        parser.error(f"unknown workloads: {', '.join(unknown)}")
    sizes = FULL if options.full else QUICK if options.quick else USUAL
    results: dict[str, Figures] = {}
    for name in names:
        run, contenders = _WORKLOADS[name]
        started = time.perf_counter()
        with ExitStack() as open_workers:
            workers = {}
            for contender in contenders:
                worker = _worker(contender)
                if worker is not None:
                    open_workers.callback(worker.close)
                    workers[contender] = worker
            results[name] = run(workers, sizes)
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    bounds = verdicts(results)
    print(markdown(results, bounds))
    if options.json:
        machine = f"{platform.system()} {platform.machine()}, {_cores()} cores, Python {platform.python_version()}"
        run_of = {"date": datetime.date.today().isoformat(), "machine": machine, "results": results}
        met = [{**verdict._asdict(), "met": verdict.met} for verdict in bounds]
        options.json.write_text(json.dumps({**run_of, "bounds": met}, indent=1) + "\n", encoding="utf-8")
    if options.plot:
        plot(results, options.plot)
    return 0 if all(verdict.met for verdict in bounds) else 1


def _worker(name: str) -> Worker | None:
    """A contender in its own process; None if it is not installed."""
    if name == "bare echo":
        return Worker("benchmarks.service.echo:Echo")
    if name.startswith("ours"):
        store = "firestore" if "firestore" in name else "sqlite"
        if store == "firestore" and shutil.which("gcloud") is None:
            return None
        return Worker("benchmarks.service.ours:Ours", store, name, without=("orjson",) if "json" in name else ())
    server, client, kind = {
        "Pub/Sub emulator": ("gcloud", "google.cloud.pubsub_v1", "google_pubsub:GooglePubSub"),
        "NATS JetStream": ("nats-server", "nats", "nats_jetstream:Jetstream"),
        "Redis Streams": ("redis-server", "redis", "redis_streams:RedisStreams"),
    }[name]
    if shutil.which(server) is None or find_spec(client) is None:
        return None
    return Worker(f"benchmarks.service.{kind}")


def _cores() -> int:
    import os

    return os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
