"""What a type checker makes of the public interface."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pubsubclient

HERE = Path(__file__).parent


def test_mypy_accepts_the_programs_strictly(tmp_path: Path) -> None:
    """The seed's, and one that says what every call returns; with nothing ignored that need not be."""
    package = Path(pubsubclient.__file__).parent.parent
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache")]
    # as pyproject.toml has it: the oldest Python, and what google-auth has no types for
    command += ["--python-version", "3.10"]
    command += [f"--untyped-calls-exclude={package}" for package in ("google.auth", "google.oauth2")]
    checked = subprocess.run(
        [*command, str(HERE / "seed_program.py"), str(HERE / "types_of_results.py")],
        env={"MYPYPATH": str(package), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
