"""What the documents tell to write is valid, and what they point at is there."""

from __future__ import annotations

import re

import pytest

from .tree import ROOT, Tree

_DOCUMENTS = ("docs/deploy.md", "terraform/README.md")


def _blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", _DOCUMENTS)
def test_the_configuration_is_valid(document: str, tree: Tree) -> None:
    """As it is written, but for where the module is."""
    (written,) = _blocks(document, "hcl")
    folder = tree.module / "documented"
    folder.mkdir()
    (folder / "main.tf").write_text(re.sub(r'source = ".*"', 'source = "./.."', written), encoding="utf-8")
    tree.init("documented")
    assert "The configuration is valid" in tree.terraform("validate", at="documented")


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
