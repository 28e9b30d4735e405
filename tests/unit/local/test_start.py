"""What the emulator imports before it serves."""

from __future__ import annotations

import subprocess
import sys

_IMPORTED = """
import sys
import pubsub_emulator.cli.serve
import pubsubservice.main

print(sorted({"flask", "functions_framework"} & {*sys.modules}))
"""


def test_the_emulator_starts_without_flask() -> None:
    """Flask and functions-framework would be half of its start."""
    done = subprocess.run([sys.executable, "-c", _IMPORTED], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
