"""The way of a newcomer, timed: from an empty directory to the first event."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from .environments import clean_variables
from .test_readme import blocks

#: a minute is what a newcomer gets; this machine may be doing seven other things
_MAX_S = 60.0 * 4


@pytest.mark.slow
def test_three_commands_lead_to_the_first_event(wheel: Path, tmp_path: Path) -> None:
    """Make an environment, install the wheel, run the README's first program. pip has what it fetched before."""
    (tmp_path / "first.py").write_text(blocks("python")[0])
    commands = [
        f"{sys.executable} -m venv .venv",
        f".venv/bin/pip install --quiet '{wheel}[emulator]'",
        ".venv/bin/pubsub exec -- .venv/bin/python first.py",
    ]
    began = time.monotonic()
    for command in commands:
        ran = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env=clean_variables(),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        print(f"{time.monotonic() - began:6.1f} s  {command}")
    assert ran.stdout.startswith("[ReceivedEvent('A', None, ")
    assert ran.stdout.count("ReceivedEvent(") == 1
    assert time.monotonic() - began < _MAX_S
