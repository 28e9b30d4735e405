"""The import contracts hold, and would find what they are for: one import planted for each, in a copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT
from .locked import project

_CONTRACTS = [contract["name"] for contract in project()["tool"]["importlinter"]["contracts"]]
_SOURCES = ("client", "functions", "emulator")
# by contract: the file that gets an import that it must not have
_PLANTED = {
    "the service is built in layers": ("functions/pubsubservice/core/names.py", "import pubsubservice.api.endpoint"),
    "Firestore is behind the port: only the process's app chooses it": (
        "functions/pubsubservice/log/writer.py",
        "import pubsubservice.storage.firestore.store",
    ),
    "client and service share no code": ("client/pubsubclient/_core/ids.py", "import pubsubservice.core.names"),
    "nothing in the functions knows of the emulator": (
        "functions/pubsubservice/core/settings.py",
        "import pubsub_emulator.errors",
    ),
    "the client is built in layers": ("client/pubsubclient/_core/names.py", "import pubsubclient._http.transport"),
    "signals need no network": ("client/pubsubclient/signals/__init__.py", "import requests"),
    "the emulator is built in layers": ("emulator/pubsub_emulator/errors.py", "import pubsub_emulator.cli"),
}


def _copy(folder: Path) -> Path:
    for source in _SOURCES:
        shutil.copytree(ROOT / source, folder / source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _verdicts(tree: Path) -> tuple[int, dict[str, str]]:
    """The exit status of `lint-imports`, and KEPT or BROKEN by contract."""
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(tree / source) for source in _SOURCES), "COLUMNS": "200"},
        cwd=tree, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return ran.returncode, dict(re.findall(r"^(.+) (KEPT|BROKEN)\b", ran.stdout, re.MULTILINE))


def test_one_import_is_planted_for_each_contract() -> None:
    """A new contract needs one."""
    assert set(_PLANTED) == set(_CONTRACTS)


def test_they_are_kept(tmp_path: Path) -> None:
    """By the tree as it is."""
    assert _verdicts(_copy(tmp_path)) == (0, dict.fromkeys(_CONTRACTS, "KEPT"))


@pytest.mark.parametrize("contract", _CONTRACTS)
def test_a_planted_import_breaks_its_contract(contract: str, tmp_path: Path) -> None:
    """And `lint-imports` fails, so that `make lint` does."""
    file, statement = _PLANTED[contract]
    tree = _copy(tmp_path)
    changed = (tree / file).read_text(encoding="utf-8") + f"\n{statement}\n"
    (tree / file).write_text(changed, encoding="utf-8")
    status, verdicts = _verdicts(tree)
    assert (status, verdicts[contract]) == (1, "BROKEN")
