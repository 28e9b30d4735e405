"""Flips one bit of a SQLite file, many times over, and counts what a subscriber then gets: ``python -m torture.flipped_bits``.

Nothing is promised here: SQLite keeps no checksums of its pages. The figures of docs/reliability.md are made by this.
"""

from __future__ import annotations

import argparse
import logging
import random
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from pubsub_emulator.sqlite.store import SQLiteStore
from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.core.settings import Settings
from pubsubservice.delivery.request import GetEvents
from pubsubservice.service import Service
from stores.services import Calls

_EVENTS = 30


def main() -> None:
    """Print how often each outcome was seen."""
    parser = argparse.ArgumentParser(
        description="Flips single bits of a SQLite file and counts what a subscriber then gets."
    )
    parser.add_argument(
        "--flips", type=int, default=1000, metavar="N", help="how many bits, each in a copy of the file"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="chooses the bits")
    arguments = parser.parse_args()
    logging.disable()  # the service tells of each error
    chosen = random.Random(arguments.seed)
    with TemporaryDirectory() as name:
        path = Path(name) / "pubsub.sqlite3"
        sound = _written(path)
        right = _got(path)
        seen: Counter[str] = Counter()
        for _ in range(arguments.flips):
            bit = chosen.randrange(8 * len(sound))
            for left in path.parent.iterdir():  # of a store that could not be closed
                left.unlink()
            path.write_bytes(sound[: bit // 8] + bytes([sound[bit // 8] ^ 1 << bit % 8]) + sound[bit // 8 + 1 :])
            seen[_outcome(path, right)] += 1
    for outcome, count in seen.most_common():
        print(f"{count:6,}  {outcome}")


def _written(path: Path) -> bytes:
    """A file with events, each published alone, and a subscriber that has read none."""
    with closing(SQLiteStore(path, synchronous="OFF")) as store:
        calls = Calls(store)
        calls.subscribe("orders")
        for number in range(_EVENTS):
            calls.publish("orders", subject=" ".join(str(number * each) for each in range(50)))
    return path.read_bytes()


def _got(path: Path) -> list[bytes]:
    """The events that a subscriber gets, all that there are, without changing the file."""
    with closing(SQLiteStore(path, synchronous="OFF")) as store:
        answer = Service(store, Settings(), SystemRuntime()).delivery.get_events(GetEvents("S"))
        return [line for slice_ in answer.slices for line in slice_.lines]


def _outcome(path: Path, right: list[bytes]) -> str:
    try:
        got = _got(path)
    except Exception as error:  # whatever it is, it is counted
        return f"an error ({type(error).__name__})"
    if got == right:
        return "nothing: all events as they were"
    if set(got) <= set(right):
        return "events missing, without an error"
    return "events changed, without an error"


if __name__ == "__main__":
    main()
