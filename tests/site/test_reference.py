"""The reference has all that is public, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.site.public import modules, names
from sphinx.util.inventory import InventoryFile


@pytest.mark.slow
def test_every_public_name_has_a_place(site: Path) -> None:
    """And no other name of a module has one."""
    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, path: base + path)
    placed = {name for kind, items in inventory.items() if kind.startswith("py:") for name in items}
    public = {f"{module}.{name}" for module in modules() for name in names(module)}
    assert {name for name in placed if name.rpartition(".")[0] in modules()} == public


def test_the_public_modules_are_known() -> None:
    """A module that is meant to be private has an underscore, or no list of names."""
    assert {"pubsubclient", "pubsubclient.outbox", "pubsubclient.testing", "pubsubclient.gcp"} <= set(modules())
    assert not [module for module in modules() if "._" in module or module.startswith("pubsubclient.cli")]
