"""The stand-in's rules and its archive, against what they are about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .tree import Tree

_STANDIN = Path(__file__).parent / "standin"


def _rules() -> list[tuple[str, str]]:
    rules = json.loads((_STANDIN / "rules.json").read_text(encoding="utf-8"))
    return [(kind, path) for about in rules.values() for kind, paths in about.items() for path in paths]


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    schemas = json.loads((_STANDIN / "google_schema.json").read_text(encoding="utf-8"))["provider_schemas"]
    return {name: kind["block"] for schema in schemas.values() for name, kind in schema["resource_schemas"].items()}


@pytest.mark.parametrize(("kind", "path"), _rules())
def test_a_rule_is_about_something_in_the_schema(kind: str, path: str, resources: dict[str, Any]) -> None:
    """A rule with a slip in its path would never refuse anything."""
    block = resources[kind]
    *outer, last = path.split(".")
    for name in outer:
        block = block["block_types"][name]["block"]
    assert last in block["attributes"] or last in block.get("block_types", {})


def test_the_same_source_is_the_same_zip(tree: Tree, tmp_path: Path) -> None:
    """Whoever makes it, and whatever Python has left beside it."""
    other = Tree(tmp_path / "other")
    cache = other.functions / "pubsubservice" / "__pycache__"
    cache.mkdir()
    (cache / "main.cpython-311.pyc").write_bytes(b"compiled")
    archives = []
    for copy in (tree, other):
        copy.init()
        copy.terraform("plan", "-var=project_id=shop-123", "-var=region=europe-west1")
        archives += [(zipped.name, zipped.read_bytes()) for zipped in (copy.module / ".terraform").glob("*.zip")]
    assert len(archives) == 2
    assert archives[0] == archives[1]
