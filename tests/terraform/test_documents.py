"""What the documents tell to write is valid, and what they point at is there."""

from __future__ import annotations

import json
import re

import pytest

from .deployment import VARIABLES
from .tree import ROOT, Tree

_DOCUMENTS = ("docs/deploy.md", "terraform/README.md")


def _blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def _documented(document: str, tree: Tree) -> str:
    """The configuration that a document has, in a folder of the module."""
    (written,) = _blocks(document, "hcl")
    folder = tree.module / "documented"
    folder.mkdir()
    (folder / "main.tf").write_text(re.sub(r'source = ".*"', 'source = "./.."', written), encoding="utf-8")
    return folder.name


@pytest.mark.parametrize("document", _DOCUMENTS)
def test_the_configuration_is_valid(document: str, tree: Tree) -> None:
    """As it is written, but for where the module is."""
    folder = _documented(document, tree)
    tree.init(folder)
    assert "The configuration is valid" in tree.terraform("validate", at=folder)


@pytest.mark.parametrize("example", ["docs/deploy.md", "terraform/README.md", "examples/minimal"])
def test_the_first_apply_makes_no_alerts(example: str, tree: Tree) -> None:
    """They would not know its metrics: what is to be applied as it is leaves them for later."""
    folder = example
    if example in _DOCUMENTS:
        folder = _documented(example, tree)
    tree.init(folder)
    planned = tree.terraform("plan", *(["-var=project_id=shop-123"] if example not in _DOCUMENTS else []), at=folder)
    assert "module.pubsub.google_cloudfunctions2_function.this" in planned
    assert "google_monitoring_alert_policy" not in planned


def test_the_documented_config_json_is_that_of_the_module(tree: Tree) -> None:
    """With an audience for each function, and one for the service: the one that its environment has."""
    tree.init()
    made = json.loads(tree.apply(**VARIABLES)["values"]["outputs"]["config_json"]["value"])
    (written,) = _blocks("docs/identity.md", "json")
    documented = json.loads(written)
    assert set(documented) == set(made)
    assert set(documented["audiences"]) == set(made["audiences"])
    for config in (documented, made):
        assert config["audiences"]["identity"] == config["PUBLISH_SUBSCRIBE_SERVICE"]


def test_the_first_program_is_that_of_the_readme() -> None:
    """The README's is run by the tests of the packages."""
    (program,) = _blocks("docs/deploy.md", "python")
    assert program in _blocks("README.md", "python")


@pytest.mark.parametrize("document", _DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """Files that are there, and headings that they have."""
    here = ROOT / document
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", here.read_text(encoding="utf-8")):
        path, _, heading = target.partition("#")
        file = (here.parent / path) if path else here
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", found.lower()).replace(" ", "-") for found in headings], target
