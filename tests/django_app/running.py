"""Programs of a project, such as `manage.py`, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from e2e.serving import environment

__all__ = ["PROJECT", "SHOP", "run"]

#: the tests' own project, and the example
PROJECT = Path(__file__).parent / "project"
SHOP = Path(__file__).parents[2] / "examples" / "django_shop"


def run(project: Path, *arguments: str, program: str = "manage.py", **variables: str) -> str:
    """Run a program of a project to its end, and return what it wrote; it has to succeed, without a warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", program, *arguments],
        cwd=project,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
