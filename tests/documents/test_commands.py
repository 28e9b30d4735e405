"""The page about the command line: its reference is click's, its codes are the code's, and its seed file works."""

from __future__ import annotations

import re
from pathlib import Path

from documents.commands import PAGE, with_commands
from documents.test_blocks import blocks_of
from pubsubclient.cli import failures
from pubsubclient.cli.seed_file import read_plan


def test_the_reference_is_current() -> None:
    """A command or an option that was added, changed or removed is so on the page."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_commands(page), "docs/command-line.md: make tables"


def test_the_exit_codes_are_those_of_the_code() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)}
    names = ("REFUSED", "USAGE", "NO_ANSWER", "UNKNOWN", "NOT_ALLOWED", "PARTLY", "INTERRUPTED")
    assert listed == {0, *(getattr(failures, name) for name in names)}


def test_the_doctors_codes_are_those_of_the_code() -> None:
    """Each that the doctor can find is explained, and no other."""
    page = PAGE.read_text(encoding="utf-8")
    section = page.partition("## The doctor")[2].partition("\n## ")[0]
    room = Path(failures.__file__).parents[1] / "_doctor"
    source = "".join(file.read_text(encoding="utf-8") for file in room.glob("*.py"))
    found = set(re.findall(r'(?:fault|warning)\(\s*"(\w+)"', source))
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == found


def test_the_seed_file_is_one(tmp_path: Path) -> None:
    (block,) = [block for block in blocks_of(PAGE) if block.language == "yaml"]
    (tmp_path / "seed.yaml").write_text(block.text)
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "orders.jsonl").write_text('{"number": 2}\n')
    assert read_plan(tmp_path / "seed.yaml").counts() == {"topics": 2, "subscriptions": 2, "events": 2}
