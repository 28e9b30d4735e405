"""Every page: its Python and console blocks run in order, its JSON blocks are JSON, its sh blocks are shell.

``<!-- skip: REASON -->`` on the line before a block leaves it out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from e2e.serving import Serving, environment, serving_on

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/[!d]*/*.md"), *ROOT.glob("*.md"), ROOT / "terraform" / "README.md"]
)
_FENCE = "```"

_SKIP = "<!-- skip: "
_MOST_SKIPS = 5

#: runs the blocks of a page as one program, as if they were pasted one after another; a traceback names the page's lines. A
#: block that begins with "# NAME.py" is that file for the blocks after it, too. A console block has commands after "$ ",
#: each with what it prints below it, in which "…" stands for anything
_RUN = """
import json, pathlib, re, subprocess, sys
page, blocks = json.load(sys.stdin)
names = {"__name__": "__main__", "__file__": page}

def session(line, text):
    for command, shown in re.findall(r"^\\$ (.*\\n)((?:(?!\\$ ).*\\n)*)", text, re.MULTILINE):
        done = subprocess.run(
            ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=120
        )
        pattern = ".*".join(re.escape(part) for part in shown.strip().split("…"))
        if not re.fullmatch(pattern, done.stdout.strip(), re.DOTALL):
            sys.exit(f"{page}:{line}: $ {command}printed\\n{done.stdout}and not\\n{shown}")

for language, line, text in blocks:
    if language == "console":
        session(line, text)
        continue
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
    #: why it does not run; None: it runs
    skip: str | None = None


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
        before = lines[opened - 1].strip() if opened else ""
        skip = before.removeprefix(_SKIP).removesuffix(" -->") if before.startswith(_SKIP) else None
        yield Block(language, opened + 1, "".join(lines[opened + 1 : number]), skip)
        opened = None
    assert opened is None, f"{page}: the block that line {opened} opens is not closed"


def pages_with(*languages: str) -> list[str]:
    """The pages that have blocks of these languages, by their names within the repository."""
    return [str(page.relative_to(ROOT)) for page in PAGES if any(b.language in languages for b in blocks_of(page))]


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Serving]:
    """An emulator over an empty store."""
    serving = serving_on("sqlite", None, tmp_path)
    yield serving
    serving.close()


# the README's are programs of their own, which tests of the packages run one by one
@pytest.mark.parametrize("page", [page for page in pages_with("python", "console") if page != "README.md"])
def test_blocks_run_in_order(page: str, emulator: Serving, tmp_path: Path) -> None:
    """One program per page, warnings are errors, and nothing is logged: a page shows how it is done well."""
    blocks = [
        (block.language, block.line, block.text)
        for block in blocks_of(ROOT / page)
        if block.language in {"python", "console"} and block.skip is None
    ]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _RUN],
        input=json.dumps([page, blocks]),
        # with a buffer, as readers have it: without one, lines that two threads print may mix
        env=environment(PUBLISH_SUBSCRIBE_SERVICE=emulator.url, PATH=path, COLUMNS="100", PYTHONUNBUFFERED=""),
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize("page", pages_with("json"))
def test_json_blocks_are_json(page: str) -> None:
    """Somebody will paste them into a file."""
    for block in blocks_of(ROOT / page):
        if block.language == "json":
            json.loads(block.text)


@pytest.mark.parametrize("page", pages_with("sh"))
def test_sh_blocks_are_shell(page: str) -> None:
    """They need a cloud, a container engine, or somebody who looks; so they are only read."""
    for block in blocks_of(ROOT / page):
        if block.language == "sh":
            read = subprocess.run(["bash", "-n"], input=block.text, check=False, capture_output=True, text=True)
            assert (read.returncode, read.stderr) == (0, ""), f"{page}:{block.line}"


def test_few_blocks_are_left_out() -> None:
    """Each with a reason."""
    skips = [block.skip for page in PAGES for block in blocks_of(page) if block.skip is not None]
    assert len(skips) <= _MOST_SKIPS
    assert all(len(skip.split()) > 3 for skip in skips)
