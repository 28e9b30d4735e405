"""Torture the service: ``python -m torture --duration 120 --store sqlite --seed 1``. Exit code 1 if a promise was broken."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from pubsub_emulator.errors import EmulatorError
from torture.googles import started
from torture.planted import PLANTED
from torture.run import Run, Store

_STORES = ("sqlite", "firestore")


def main() -> int:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--duration", type=float, default=120.0, help="how long to do harm, seconds (default 120)")
    parser.add_argument("--store", choices=_STORES, action="append", help="default: both, one after the other")
    parser.add_argument("--seed", type=int, help="of what happens when; the processes take their own time all the same")
    parser.add_argument("--history", type=Path, help="a directory to keep the histories in (default: a temporary one)")
    parser.add_argument("--plant", choices=PLANTED, help="with this bug in the service")
    options = parser.parse_args()
    seed = random.randrange(10_000) if options.seed is None else options.seed
    kept = options.history or Path(tempfile.mkdtemp(prefix="torture-"))
    if any((kept / name).exists() for name in _STORES):
        parser.error(f"{kept} holds the histories of another run")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # so that everything started is ended
    # a shell has what it starts in the background ignore SIGINT, and consumers that begin so would miss theirs
    signal.signal(signal.SIGINT, signal.default_int_handler)
    failed = False
    try:
        for name in options.store or _STORES:
            directory = kept / name
            directory.mkdir(parents=True)
            with _opened(name, directory) as store:
                report = Run(store, directory, options.duration, seed, options.plant).run()
            print(report, "\n", sep="", flush=True)
            failed = failed or report.failed
    except EmulatorError as error:
        print(f"torture: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("torture: interrupted", file=sys.stderr)
        return 130
    return 1 if failed else 0


@contextmanager
def _opened(name: str, directory: Path) -> Iterator[Store]:
    """An empty store: SQLite in the run's directory, or Google's emulator, at FIRESTORE_EMULATOR_HOST if it runs there."""
    if name == "sqlite":
        yield Store(name, f"sqlite:{directory / 'store.sqlite3'}")
        return
    project = f"torture-{uuid4().hex[:12]}"
    running = os.environ.get("FIRESTORE_EMULATOR_HOST")
    if running:
        yield Store(name, f"firestore:{running}/{project}")
        return
    with started() as emulator:
        yield Store(name, f"firestore:{emulator.address}/{project}", emulator)


if __name__ == "__main__":
    sys.exit(main())
