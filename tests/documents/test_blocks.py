"""Every page of the documentation: its Python blocks run, its JSON blocks are JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from e2e.serving import Serving, environment, serving_on

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("*.md"), ROOT / "terraform" / "README.md"])
_FENCE = "```"

#: runs the blocks of a page as one program, as if they were pasted one after another; a traceback names the page's lines. A
#: block that begins with "# NAME.py" is that file for the blocks after it, too
_RUN = """
import json, pathlib, sys
page, blocks = json.load(sys.stdin)
names = {"__name__": "__main__", "__file__": page}
for line, text in blocks:
    first = text.partition("\\n")[0]
    if first.startswith("# ") and first.endswith(".py"):
        pathlib.Path(first[2:]).write_text(text, encoding="utf-8")
    exec(compile("\\n" * line + text, page, "exec"), names)
"""


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    #: lines of the page before the block's first line
    line: int
    text: str


def blocks_of(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page of Markdown, in order."""
    lines = page.read_text(encoding="utf-8").splitlines(keepends=True)
    opened: int | None = None
    for number, line in enumerate(lines):
        if not line.startswith(_FENCE):
            continue
        if opened is None:
            opened = number
            continue
        language = lines[opened].strip().removeprefix(_FENCE)
        yield Block(language, opened + 1, "".join(lines[opened + 1 : number]))
        opened = None
    assert opened is None, f"{page}: the block that line {opened} opens is not closed"


def pages_with(language: str) -> list[str]:
    """The pages that have blocks of a language, by their names within the repository."""
    return [str(page.relative_to(ROOT)) for page in PAGES if any(b.language == language for b in blocks_of(page))]


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Serving]:
    """An emulator over an empty store."""
    serving = serving_on("sqlite", None, tmp_path)
    yield serving
    serving.close()


# the README's are programs of their own, which tests of the packages run one by one
@pytest.mark.parametrize("page", [page for page in pages_with("python") if page != "README.md"])
def test_python_blocks_run_in_order(page: str, emulator: Serving, tmp_path: Path) -> None:
    """One program per page, warnings are errors, and nothing is logged: a page shows how it is done well."""
    blocks = [(block.line, block.text) for block in blocks_of(ROOT / page) if block.language == "python"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _RUN],
        input=json.dumps([page, blocks]),
        env=environment(PUBLISH_SUBSCRIBE_SERVICE=emulator.url),
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize("page", pages_with("json"))
def test_json_blocks_are_json(page: str) -> None:
    """Somebody will paste them into a file."""
    for block in blocks_of(ROOT / page):
        if block.language == "json":
            json.loads(block.text)
