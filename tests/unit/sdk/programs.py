"""Python programs in processes of their own, as users run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pubsubclient

__all__ = ["run_program", "start_program"]


def start_program(code: str, url: str) -> subprocess.Popen[str]:
    """Start a program that finds its service at `url`; warnings are errors."""
    environment = {
        **os.environ,
        "PUBLISH_SUBSCRIBE_SERVICE": url,
        "PYTHONPATH": str(Path(pubsubclient.__file__).parent.parent),
    }
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_program(code: str, url: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    with start_program(code, url) as process:
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
