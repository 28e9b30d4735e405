"""The program that the project began with, in a process of its own against the emulator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from e2e.serving import Serving, environment
from pubsubclient import Service, Subscriber

_PROGRAMS = Path(__file__).parent / "programs"
_FIRST = "A 0000-00000000000000000000 attempt 1\n"
_SECOND = "A 0000-00000000000000000001 attempt 1\n"


def _run(serving: Serving, *program: str, returns: int = 0) -> str:
    """What a program prints."""
    command = [sys.executable, *(str(_PROGRAMS / part) for part in program)]
    variables = environment(PUBLISH_SUBSCRIBE_SERVICE=serving.url)
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (returns, "")
    return ended.stdout


def test_it_gets_its_event_and_next_time_only_the_new_one(serving: Serving) -> None:
    """The clean end of the first run has acknowledged its event."""
    assert _run(serving, "seed.py") == _FIRST
    assert _run(serving, "seed.py") == _SECOND


def test_killed_before_its_end_its_event_comes_again(serving: Serving, service: Service) -> None:
    """Once the lease is over, as attempt 2; then the next run gets only its own."""
    with Subscriber("S1", service=service) as subscriber:
        subscriber.subscribe("A", ack_deadline=1)
        assert _run(serving, "killed.py", "seed.py", returns=-9) == _FIRST
        again = subscriber.get_events(wait=20)
        assert [(event.sequence, event.attempt) for event in again] == [("0000-00000000000000000000", 2)]
    assert _run(serving, "seed.py") == _SECOND
