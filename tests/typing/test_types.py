"""What a type checker makes of the public interface."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pubsubclient

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"


def mypy(tmp_path: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    """Run mypy in strict mode over files, as pyproject.toml has it: the oldest Python, and no types of google-auth."""
    package = Path(pubsubclient.__file__).parent.parent
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache")]
    command += ["--python-version", "3.10"]
    command += [f"--untyped-calls-exclude={package}" for package in ("google.auth", "google.oauth2")]
    return subprocess.run(
        [*command, *map(str, files)],
        env={"MYPYPATH": str(package), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


def test_mypy_accepts_the_programs_strictly(tmp_path: Path) -> None:
    """The seed's, the typed example, and one that says what every call returns; with nothing ignored that need not be."""
    files = HERE / "seed_program.py", HERE / "types_of_results.py", EXAMPLES / "typed" / "billing.py"
    checked = mypy(tmp_path, *files)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_mypy_finds_the_planted_errors(tmp_path: Path) -> None:
    """Each where it is, and no other."""
    planted = HERE / "planted_errors.py"
    lines = planted.read_text().splitlines()
    expected = {number: line.partition("# expect: ")[2] for number, line in enumerate(lines, 1) if "# expect: " in line}
    checked = mypy(tmp_path, planted)
    found = re.findall(r"planted_errors\.py:(\d+): error: .*\[([a-z-]+)\]$", checked.stdout, re.MULTILINE)
    assert len(expected) >= 5
    assert {int(line): code for line, code in found} == expected, checked.stdout
    assert len(found) == checked.stdout.count(": error: ")
