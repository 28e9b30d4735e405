"""Memory that was used once goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
