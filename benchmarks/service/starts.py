"""How long it takes until a process serves."""

from __future__ import annotations

import compileall
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests
from benchmarks.service.ours import emulator
from benchmarks.service.processes import ROOT, Server, free_port, scratch
from benchmarks.service.rounds import Figures
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

from pubsub_emulator.google_firestore.process import start_emulator

__all__ = ["cold", "starts"]


def starts(_workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """From the start of the emulator until it serves: seconds, with all modules compiled, as an installer leaves them."""
    # a checkout may be one in which Python is told to keep no compiled modules
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(scratch())}
    taken: dict[str, list[float]] = {"ours": [], "ours firestore": []}
    for _ in range(sizes.starts + 1):  # the first compiles
        for name, times in taken.items():
            with emulator("firestore" if name.endswith("firestore") else "sqlite", compiled) as server:
                times.append(server.ready_s)
    return {name: {"start to ready s": statistics.median(times[1:])} for name, times in taken.items()}


def cold(_workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """The first answer of a function that was just started, over Google's Firestore emulator: seconds.

    Against a bare function of functions-framework that reads one document with google-cloud-firestore.
    """
    with start_emulator() as firestore, _sources() as contenders:
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(sizes.starts + 1):  # the first only fills the disk's cache
            for name, (source, target) in contenders.items():
                taken[name].append(_first_answer_s(source, target, firestore))
    return {name: {"first answer s": statistics.median(times[1:])} for name, times in taken.items()}


@contextmanager
def _sources() -> Iterator[dict[str, tuple[Path, str]]]:
    """The files of functions and the functions' names; both as the second start finds them: compiled."""
    with tempfile.TemporaryDirectory(prefix="pubsub-bench-") as name:
        ours, bare = Path(name) / "ours", Path(name) / "bare"
        shutil.copytree(ROOT / "functions", ours)
        bare.mkdir()
        shutil.copy(Path(__file__).with_name("bare_function.py"), bare / "main.py")
        compileall.compile_dir(name, quiet=1)
        yield {"ours": (ours / "main.py", "register"), "bare function": (bare / "main.py", "read")}


def _first_answer_s(source: Path, target: str, firestore: str) -> float:
    port = free_port()
    serve = [sys.executable, "-m", "functions_framework", "--source", str(source), "--target", target]
    environment = {
        "FIRESTORE_EMULATOR_HOST": firestore,
        "GOOGLE_CLOUD_PROJECT": "cold",
        "PYTHONPATH": str(source.parent),
    }
    started = time.perf_counter()
    with Server([*serve, "--host", "127.0.0.1", "--port", str(port)], port=port, more=environment):
        requests.post(f"http://127.0.0.1:{port}/", json={"publisher": "cold"}, timeout=60).raise_for_status()
        return time.perf_counter() - started
