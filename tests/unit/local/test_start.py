"""What the emulator imports before it serves."""

from __future__ import annotations

import subprocess
import sys


def test_the_emulator_starts_without_flask() -> None:
    """Flask and functions-framework would be half of its start."""
    code = "import pubsub_emulator.cli.serve, pubsubservice.main, sys; print(sorted({'flask', 'functions_framework'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
