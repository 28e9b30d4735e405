"""The reference has all that is public, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sphinx.util.inventory import InventoryFile


@pytest.fixture(scope="module")
def public() -> dict[str, list[str]]:
    """{public module: its public names}; asked for in a process of its own, because Django has settings there."""
    asked = [sys.executable, "-m", "docs.site.public"]
    done = subprocess.run(asked, cwd=Path(__file__).parents[2], check=True, capture_output=True, text=True)
    return {module: names for module, *names in map(str.split, done.stdout.splitlines())}


@pytest.mark.slow
def test_every_public_name_has_a_place(site: Path, public: dict[str, list[str]]) -> None:
    """And no other name of a module has one."""
    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, path: base + path)
    placed = {name for kind, items in inventory.items() if kind.startswith("py:") for name in items}
    names = {f"{module}.{name}" for module in public for name in public[module]}
    assert {name for name in placed if name.rpartition(".")[0] in public} == names


def test_the_public_modules_are_known(public: dict[str, list[str]]) -> None:
    """A module that is meant to be private has an underscore, or no list of names."""
    assert {"pubsubclient", "pubsubclient.outbox", "pubsubclient.testing", "pubsubclient.gcp"} <= set(public)
    assert not [module for module in public if "._" in module or module.startswith("pubsubclient.cli")]
