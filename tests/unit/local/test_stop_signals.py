"""The signal that stops the emulator, whenever it comes."""

from __future__ import annotations

import subprocess
import sys

#: thousands of signals, at any point of a wait; with a `threading.Event` the first hundred of them hang the process
_STORM = """
import signal
from pubsub_emulator.cli.stop_signals import StopSignal

stops = [StopSignal()]
signal.signal(signal.SIGALRM, lambda *_: stops[-1].set())
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
for _ in range(2_000):
    stops.append(StopSignal())
    while not stops[-1].wait(0.00001):
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
print("all came")
"""


def test_a_signal_may_come_at_any_point_of_a_wait() -> None:
    done = subprocess.run([sys.executable, "-c", _STORM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "all came\n", "")
