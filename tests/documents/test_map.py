"""The map and the index of decisions are those of the tree; every file that a page names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from documents.map import (
    ARCHITECTURE,
    DECISIONS,
    INDEX,
    PACKAGES,
    PROTOCOL,
    ROOT,
    decisions,
    with_index,
    with_map,
    with_settings,
)

HOME = ROOT / "docs" / "index.md"
#: pages about the tree of today; decisions name files as they were when they were made
PAGES = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
_FILE = re.compile(r"`([\w.][\w./*]*\.(?:py|json|toml))`")
_LINK = re.compile(r"\]\(([\w./-]+)(?:#[\w-]*)?\)")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
#: files of users, which the README and other pages tell them to write
_OF_USERS = {"config.json"}


def _is_there(name: str) -> bool:
    """Whether a path within the repository or a package ends like this."""
    if any((ROOT / name).parent.glob(Path(name).name)):
        return True
    return any(any((ROOT / folder).rglob(name)) for folder in [*PACKAGES.values(), "tests", "demo", "benchmarks"])


def test_map_is_current() -> None:
    """A room that was added, moved or described anew is so on the map."""
    page = ARCHITECTURE.read_text(encoding="utf-8")
    assert page == with_map(page), "docs/architecture.md: make tables"


def test_table_of_settings_is_current() -> None:
    """A setting that was added or changed is so in the protocol."""
    page = PROTOCOL.read_text(encoding="utf-8")
    assert page == with_settings(page), "docs/protocol.md: make tables"


def test_index_of_decisions_is_current() -> None:
    """Every decision is in the index, as its heading and its status say."""
    page = INDEX.read_text(encoding="utf-8")
    assert page == with_index(page), "docs/decisions/README.md: make tables"


def test_decisions_name_rooms_and_decisions_that_are_there() -> None:
    """A room is a file or a folder of today, and a decision that changes another one is there."""
    for one in decisions():
        for room in one.rooms:
            assert any((ROOT / folder / room).exists() for folder in [".", *PACKAGES.values()]), (one.file, room)
        for number in re.findall(r"\d{4}", one.status):
            assert any(DECISIONS.glob(f"{number}-*.md")), one.file


def test_where_to_start_has_a_file_in_every_row() -> None:
    """A row without one would send nobody anywhere."""
    page = ARCHITECTURE.read_text(encoding="utf-8")
    table = page.partition("| to change | start at |\n| --- | --- |\n")[2].partition("\n\n")[0]
    rows = table.splitlines()
    assert len(rows) >= 12
    assert all(_FILE.search(row) for row in rows)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    """A file that moved is named where it is now."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    missing = [name for name in _FILE.findall(text) if name not in _OF_USERS and not _is_there(name)]
    assert not missing


def test_every_page_can_be_reached_from_the_first() -> None:
    """By links of pages, as they are read in the repository; the site has a list of all of them on each."""
    reached: set[Path] = set()
    left = {HOME}
    while left:
        page = left.pop()
        reached.add(page)
        links = _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
        left |= {file for link in links if (file := (page.parent / link).resolve()).suffix == ".md"} - reached
    assert set((ROOT / "docs").rglob("*.md")) - reached == set()


def test_every_example_is_on_a_page() -> None:
    texts = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md")]
    linked = {name for text in texts for name in re.findall(r"\]\((?:\.\./)+examples/(\w+)", text)}
    assert {folder.name for folder in (ROOT / "examples").iterdir() if folder.name[0] not in "._"} == linked


@pytest.mark.parametrize("page", [*PAGES, INDEX], ids=lambda page: page.stem)
def test_pages_that_a_page_links_to_are_there(page: Path) -> None:
    """A page that was renamed is linked to by its new name."""
    text = re.sub("`[^`]*`", "", _CODE.sub("", page.read_text(encoding="utf-8")))
    assert not [link for link in _LINK.findall(text) if not (page.parent / link).exists()]
