"""Memory that was used once goes back to the system."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from pubsub_emulator.server import malloc_trim

#: many blocks, freed but for the last of them, which holds the heap's end in its place
_PROGRAM = """
import re, time
from pathlib import Path
from pubsub_emulator.server.malloc_trim import trimming

def resident_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

with trimming():
    blocks = [bytes(2000) for _ in range(50_000)]
    last, most = bytes(2000), resident_mb()
    del blocks
    end = time.monotonic() + 10
    while resident_mb() > most - 80 and time.monotonic() < end:
        sum(range(1_000_000))
    print(most - resident_mb() > 80)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_freed_memory_is_given_back_within_seconds() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n"


@pytest.mark.parametrize(
    ("cpu_s", "trims"),
    [
        ([0.5, 0.5, 0.5], 1),  # worked before the first look, and is idle since
        ([0.5, 0.53, 0.53, 0.53], 2),  # little work after the first look, which is given back once it is over
        ([0.5, 1.0, 1.5], 3),  # works all the time
        ([0.001, 0.002, 0.003], 0),  # idle from the start
    ],
)
def test_it_trims_while_the_process_works_and_once_after_it(
    cpu_s: list[float], trims: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look, a second after the one before, finds so much CPU time used."""
    looks = iter(cpu_s)
    used_s = [0.0]

    class Ended(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            used_s[0] = next(looks, -1.0)
            return used_s[0] < 0

    monkeypatch.setattr(time, "process_time", lambda: used_s[0])
    done: list[int] = []
    malloc_trim._trim_until(done.append, Ended())
    assert len(done) == trims
