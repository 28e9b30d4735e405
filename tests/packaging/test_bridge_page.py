"""The two programs of the page on signals that know each other by a signal alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .test_readme import blocks


@pytest.mark.slow
def test_two_programs_speak_by_a_signal(emulator: str) -> None:
    """One sends, the other one's receiver is called, as the page has it."""
    hears, sends = blocks("python", "docs/signals.md")[-2:]
    environment = {**os.environ, "PUBLISH_SUBSCRIBE_SERVICE": emulator}
    listener = subprocess.Popen([sys.executable, "-c", hears], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        subprocess.run([sys.executable, "-c", sends], env=environment, check=True, timeout=60)
        said, _ = listener.communicate(timeout=60)
    finally:
        listener.kill()
    assert said == "kitchen says 21 degrees\n"
