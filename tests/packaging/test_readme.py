"""What the README says is true, and what the pages say that it begins with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT
from .environments import Environment

README = (ROOT / "README.md").read_text(encoding="utf-8")
#: its programs come after the README's first one
_NEXT = "docs/publish-and-receive.md"
_SEED = Path(__file__).parents[1] / "typing" / "seed_program.py"


def blocks(language: str, page: str = "README.md") -> list[str]:
    """The fenced blocks of one language in a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_its_programs_run(installed: Environment, emulator: str) -> None:
    """As they stand, told by a config.json where the service is."""
    settings = dict.fromkeys(json.loads(blocks("json")[0]), emulator)
    (installed.folder / "config.json").write_text(json.dumps(settings))
    (first,) = blocks("python")
    second, third, app, _ = blocks("python", _NEXT)
    for place in (0, 1):
        (event,) = installed.run("python", "-W", "error", "-c", first).splitlines()
        assert event.startswith("[ReceivedEvent('A', None, ")
        assert f"sequence='0000-{place:020d}'" in event
    orders = installed.run("python", "-W", "error", "-c", second).splitlines()
    assert [line.rpartition("}")[0] + "}" for line in orders] == [
        "event {'number': 17, 'total': 99.5}",
        "order.placed {'number': 18}",
    ]
    state, explained = installed.run("python", "-W", "error", "-c", third).splitlines()
    assert state.startswith("SubscriberState(")
    assert explained == "leased"
    assert installed.run("python", "-W", "error", "-c", app).splitlines() == ["shipped 18"]


def test_its_test_of_an_app_passes(tmp_path: Path) -> None:
    *_, app, test = blocks("python", _NEXT)
    (tmp_path / "test_app.py").write_text(f"{app}\n\n{test}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_it_shows_the_first_program_unchanged() -> None:
    """Comments and all, but for how strings are quoted."""
    program = blocks("python")[0].replace("'", '"')
    assert program.removesuffix("print(events)\n") == _SEED.read_text().partition("\n")[2].replace("'", '"')


def test_its_make_targets_exist() -> None:
    """So do CONTRIBUTING's."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    texts = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`make (?:[A-Z]+=\S+ )*([a-z-]+)", texts)) <= targets


def test_the_command_lines_page_lists_the_flags_of_the_emulator(capsys: pytest.CaptureFixture[str]) -> None:
    """All, and no others but those of all commands."""
    from pubsub_emulator.cli import main

    assert main(["emulator", "--help"]) == 0
    flags = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^###+ (.+)\n((?:(?!#).*\n)*)", page, re.MULTILINE))
    everywhere, own = (
        set(re.findall(r"^\| `(?:-\w, )?(--[a-z-]+)", sections[heading], re.MULTILINE))
        for heading in ("Options of all commands", "pubsub emulator")
    )
    assert own <= flags <= own | everywhere


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_its_links_lead_somewhere(link: str) -> None:
    """To files that are there, and headings that they have."""
    path, _, heading = link.partition("#")
    assert (ROOT / path).exists()
    if heading:
        headings = re.findall(r"^#+ (.*)", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
        assert heading in [re.sub(r"[^\w -]", "", found.lower()).replace(" ", "-") for found in headings]
