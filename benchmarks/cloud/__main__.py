"""Measures, in a real project, what waits by Listen cost and how fast they are. See README.md beside it.

python -m benchmarks.cloud --database listen-check
python -m benchmarks.cloud --emulator 127.0.0.1:8080
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from uuid import uuid4

import grpc
import requests
from benchmarks.cloud.budget import Budget, BudgetError
from benchmarks.cloud.metrics import METRIC_DELAY_S, reads_between
from benchmarks.cloud.targets import Targets
from benchmarks.service.rounds import percentile
from google.auth.exceptions import GoogleAuthError

from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.storage.firestore.rpc import Calls
from pubsubservice.storage.firestore.store import FirestoreStore
from pubsubservice.storage.port import StoreError

_NAMES = 20
_FAILURES = (BudgetError, RuntimeError, StoreError, grpc.RpcError, GoogleAuthError, requests.RequestException)


class Checks:
    """The checks, over one database."""

    def __init__(self, collection: str, budget: Budget, args: argparse.Namespace) -> None:
        self._store = FirestoreStore(args.project, args.database, emulator=args.emulator)
        #: the same database, as far as the port does not reach
        self.calls = Calls(args.project, args.database, args.emulator, SystemRuntime())
        self._collection = collection
        self._budget = budget
        self._args = args
        self.created: list[str] = []

    def told_ms(self) -> dict[str, float]:
        """Milliseconds until a wait is told of a document, since the commit's answer and since the call."""
        since_answer, since_call = [], []
        with ThreadPoolExecutor(1) as pool:
            for number in range(self._args.commits):
                self._budget.spend(reads=3, writes=1, deletes=1)
                path = self._path(f"told-{number}")
                wait = pool.submit(lambda path=path: (self._store.wait_for([path], 20.0), time.monotonic()))
                time.sleep(0.2)  # until the wait has attached
                called_s = time.monotonic()
                self._store.create(path, {"n": number})
                answered_s = time.monotonic()
                was_told, told_s = wait.result()
                if not was_told:
                    raise RuntimeError(f"the wait for {path} was not told")
                since_answer.append((told_s - answered_s) * 1e3)
                since_call.append((told_s - called_s) * 1e3)
        return {
            "since_answer_p50": round(statistics.median(since_answer), 1),
            "since_answer_p99": round(percentile(since_answer, 0.99), 1),
            "since_call_p50": round(statistics.median(since_call), 1),
            "since_call_p99": round(percentile(since_call, 0.99), 1),
        }

    def heartbeat_s(self) -> float:
        """The longest silence of a stream with one target, seconds."""
        self._budget.spend(reads=1)
        with Targets(self.calls) as targets:
            targets.add_names([self._path("never")])
            targets.await_current()
            return round(targets.longest_silence(self._args.heartbeat_s), 1)

    def targets_on_a_stream(self) -> int:
        """Of 100 targets of one stream, how many are told of their document."""
        paths = [self._path(f"target-{number}") for number in range(self._args.targets)]
        self._budget.spend(reads=2 * len(paths), writes=len(paths), deletes=len(paths))
        with Targets(self.calls) as targets:
            for path in paths:
                targets.add_names([path])
            targets.await_current()
            for path in paths:
                self._store.create(path, {})
            return targets.count_found(len(paths))

    def attach(self, *, by_query: bool) -> tuple[float, float]:
        """Attach to missing documents again and again; return when that began and ended, seconds of the epoch."""
        began_s = time.time()
        with Targets(self.calls) as targets:
            for number in range(self._args.attaches):
                self._budget.spend(reads=_NAMES)
                names = [self._path(f"none-{number}-{each}") for each in range(_NAMES)]
                target = targets.add_query(self._collection, names) if by_query else targets.add_names(names)
                targets.await_current()
                targets.remove(target)
        return began_s, time.time()

    def clean_up(self) -> None:
        """Delete what was created, and close all connections."""
        self._store.delete(self.created)
        self._store.close()
        self.calls.close()

    def _path(self, name: str) -> str:
        path = f"{self._collection}/{name}"
        if not name.startswith(("none", "never")):
            self.created.append(path)
        return path


def main() -> int:
    """Run all checks and print what they found; 1 if one of them failed."""
    args = _arguments()
    budget = Budget(args.dollars, args.minutes)
    checks = Checks(f"listen-check-{uuid4().hex[:8]}", budget, args)
    found: dict[str, object] = {}
    why: dict[str, str] = {}

    def check(name: str, measure: Callable[[], object]) -> None:
        try:
            found[name] = measure()
        except _FAILURES as error:  # one check that fails leaves the others worth having
            found[name], why[name] = None, f"{type(error).__name__}: {error}"

    check("told_ms", checks.told_ms)
    check("targets_on_a_stream", checks.targets_on_a_stream)
    check("heartbeat_s", checks.heartbeat_s)
    for name, by_query in (("reads_by_names", False), ("reads_by_in", True)):
        check(name, lambda by_query=by_query: _billed(checks, budget, args, by_query=by_query))
    check("deleted", lambda: checks.clean_up() or len(checks.created))
    found["why"] = why
    found["dollars_at_most"] = round(budget.spent, 6)
    print(json.dumps(found, indent=2))
    return 1 if set(why) - ({"reads_by_names", "reads_by_in"} if args.emulator else set()) else 0


def _billed(checks: Checks, budget: Budget, args: argparse.Namespace, *, by_query: bool) -> int:
    began_s, ended_s = checks.attach(by_query=by_query)
    window = " to ".join(datetime.fromtimestamp(each, timezone.utc).isoformat() for each in (began_s, ended_s))
    print(f"{args.attaches} attaches {'by IN' if by_query else 'by names'}: {window}", file=sys.stderr)
    if args.emulator:
        raise BudgetError("an emulator bills nothing")
    budget.sleep(METRIC_DELAY_S)
    return reads_between(checks.calls.database.split("/")[1], began_s, ended_s)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cloud", description=__doc__.partition("\n")[0])
    parser.add_argument("--project", help="default: GOOGLE_CLOUD_PROJECT, then that of the credentials")
    parser.add_argument("--database", default="(default)", help="one without other traffic")
    parser.add_argument("--emulator", metavar="HOST:PORT", help="Google's Firestore emulator instead of the cloud")
    parser.add_argument("--dollars", type=float, default=0.10, help="stop before it may have cost more (%(default)s)")
    parser.add_argument("--minutes", type=float, default=45, help="stop after so long (%(default)s)")
    parser.add_argument("--attaches", type=int, default=1_000, help="attaches of 20 documents (%(default)s)")
    parser.add_argument("--commits", type=int, default=200, help="commits that a wait is told of (%(default)s)")
    parser.add_argument("--targets", type=int, default=100, help="targets of one stream (%(default)s)")
    parser.add_argument("--heartbeat-s", type=float, default=150, help="how long to listen to silence (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
