"""A function process of a run: serves the functions as the emulator does, with F shortened and its history written down.

``python -m torture.serve --store URL --history FILE --port-file FILE --parent PID [--bug NAME]``
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.server.draining import DrainingRuntime
from pubsubservice.api import app
from pubsubservice.core.settings import Settings
from stores.opening import open_store
from torture.lifetime import asked_to_end, end_with_parent
from torture.planted import PLANTED
from torture.recording import RecordingStore
from torture.records import HistoryFile
from torture.times import ACK_DEADLINE_S, FLOOR_S

__all__ = ["SETTINGS"]

SETTINGS = Settings(safety_window_s=FLOOR_S, ack_deadline_s=ACK_DEADLINE_S, threads=16)


def main() -> None:
    parser = argparse.ArgumentParser(prog="torture.serve", description=__doc__)
    parser.add_argument("--store", required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--bug", choices=PLANTED, help="serve with this rule broken")
    options = parser.parse_args()
    end_with_parent(options.parent)
    ended = asked_to_end()
    logging.basicConfig(level=logging.ERROR)
    if options.bug:
        app.Service = PLANTED[options.bug]
    store = RecordingStore(open_store(options.store), HistoryFile(options.history))
    with Emulator(store, settings=SETTINGS, runtime=DrainingRuntime()) as emulator:
        _announce(options.port_file, emulator.url.rpartition(":")[2])
        ended.wait()


def _announce(path: Path, port: str) -> None:
    """Write the file whole or not at all: it is read as soon as it is there."""
    new = path.with_suffix(".new")
    new.write_text(port)
    new.rename(path)


if __name__ == "__main__":
    main()
