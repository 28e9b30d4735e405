"""The one command of this package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

_ROOT = Path(__file__).parents[2]
#: what the tests read; the sources are not among it
_COPIED = ("tests", "demo", "docs", "README.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml")
_CHECK = """
import pubsub_emulator, pubsubclient, pubsubservice, sys
for package in (pubsub_emulator, pubsubclient, pubsubservice):
    assert package.__file__.startswith(sys.prefix), package.__file__
"""


def main(wheel: str, *arguments: str) -> int:
    """Run pytest with these arguments and return its exit code."""
    with tempfile.TemporaryDirectory(prefix="pubsub-installed-") as temporary:
        copy = Path(temporary) / "copy"
        for name in _COPIED:
            source = _ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        python = _environment(Path(temporary) / "venv", wheel)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHONPATH")}
        subprocess.run([python, "-c", _CHECK], cwd=copy, env=environment, check=True)
        command = [python, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


def _environment(folder: Path, wheel: str) -> str:
    """Make an environment with the wheel; all else comes from the environment that runs this. Return its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = str(folder / "bin" / "python")
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(command, check=True)
    # as a plain folder on the path: what is installed there as editable, this checkout, is not followed
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
    (Path(own) / "tools.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


raise SystemExit(main(*sys.argv[1:]))
