"""Retention, again and again, until it is killed.

Half of the time it is a function that it asks, which may be killed in the middle; the other half it does it itself, and is.

``python -m torture.expiring --store URL --url URL --history FILE --parent PID [--bug NAME]``
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import requests

from pubsubservice.core.problems import Problem
from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.service import Service
from pubsubservice.storage.port import StoreError
from stores.opening import open_store
from torture.lifetime import asked_to_end, end_with_parent
from torture.planted import PLANTED
from torture.records import Expired, Failed, HistoryFile
from torture.serve import SETTINGS
from torture.times import READ_TIMEOUT_S

_MAX_BATCHES = 50


def main() -> None:
    parser = argparse.ArgumentParser(prog="torture.expiring", description=__doc__)
    parser.add_argument("--store", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--bug", choices=PLANTED)
    options = parser.parse_args()
    end_with_parent(options.parent)
    ended = asked_to_end()
    history = HistoryFile(options.history)
    service_type = PLANTED[options.bug] if options.bug else Service
    service = service_type(open_store(options.store), SETTINGS, SystemRuntime())
    while not ended.wait(random.uniform(0.05, 0.5)):
        try:
            batches = service.housekeeping.run(_MAX_BATCHES).batches if random.random() < 0.5 else _ask(options.url)
        except (StoreError, Problem, requests.RequestException) as error:  # noqa: PERF203 - the next run goes on
            history.write(Failed("expire", repr(error)))
        else:
            if batches:
                history.write(Expired(batches))


def _ask(url: str) -> int:
    """Have a function do it; returns how many batches it deleted."""
    answer = requests.post(f"{url}/expire", json={}, timeout=READ_TIMEOUT_S)
    answer.raise_for_status()
    return int(answer.json()["batches"])


if __name__ == "__main__":
    main()
