"""The tests that docs/testing.md shows, run by pytest as a reader would."""

from __future__ import annotations

from pathlib import Path

import pytest

from documents.test_blocks import ROOT, blocks_of
from in_process.projects import Project


@pytest.mark.slow
def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    project, tests = Project(tmp_path), 0
    for block in blocks_of(ROOT / "docs" / "testing.md"):
        name, _, text = block.text.partition("\n")
        if block.language == "python" and name.startswith("# ") and name.endswith(".py"):
            project.write(name.removeprefix("# "), text)
            tests += text.count("\ndef test_")
    done = project.run()
    assert f"{tests} passed" in done.stdout, done.stdout
    assert tests == 4
