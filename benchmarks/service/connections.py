"""Many connections that each publish one event at a time, by wrk."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.service.rounds import Figures, alternate
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

__all__ = ["together"]

_SCRIPT = Path(__file__).with_name("publish.lua")


def together(workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """Lone publishes over 8 and 64 connections: requests a second, and how many events a commit holds."""
    figures: Figures = {}
    for connections in (8, 64) if shutil.which("wrk") else ():

        def turn(worker: Worker, number: int, connections: int = connections) -> dict[str, float]:
            topic = f"wrk{connections}-{number}"
            if worker.name == "bare echo":
                rate, _ = _wrk(f"{worker.call('address')}/echo", connections, sizes.wrk_s, topic)
                return {f"requests /s, {connections}": rate}
            worker.call("open", topic, 1)
            rate, sent = _wrk(f"{worker.call('address')}/publish", connections, sizes.wrk_s, topic)
            events, commits = worker.call("commits", topic, 0)
            if events < sent:
                raise AssertionError(f"{events} of {sent} events are stored")
            return {f"requests /s, {connections}": rate, f"events a commit, {connections}": events / commits}

        for name, row in alternate(workers, turn, sizes.rounds).items():
            figures.setdefault(name, {}).update(row)
    return figures


def _wrk(url: str, connections: int, seconds: int, topic: str) -> tuple[float, int]:
    """Requests a second, and how many were answered; raises AssertionError if any failed."""
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "-s", str(_SCRIPT), url, "--", topic]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate, sent = re.search(r"Requests/sec:\s+([\d.]+)", printed), re.search(r"(\d+) requests in", printed)
    if rate is None or sent is None or "Non-2xx" in printed or "Socket errors" in printed:
        raise AssertionError(printed)
    return float(rate[1]), int(sent[1])
