"""Every promise and every fault of the documentation names a test or a command that is there."""

from __future__ import annotations

import pytest

from documents.checks import ROOT, rows, unknown


@pytest.mark.parametrize(
    ("page", "heading", "at_least"),
    [("docs/promises.md", "checked by", 40), ("docs/reliability.md", "repeat it", 30)],
)
def test_what_a_page_says_is_checked_is_checked(page: str, heading: str, at_least: int) -> None:
    """A test that was renamed is named as it is called now; a row without a check is no promise."""
    found = list(rows((ROOT / page).read_text(encoding="utf-8"), heading))
    assert len(found) >= at_least
    assert not {f"{page}:{row.line} {row.what}": missing for row in found if (missing := unknown(row.checks))}


@pytest.mark.parametrize(
    "checks",
    [
        "nobody",
        "`tests/e2e/test_kills.py::test_that_is_not_there`",
        "`tests/e2e/not_there.py::test_a`",
        "`make fun`",
        '`make simulate` "no such rule"',
        '`make torture` "lost", "found"',
        "`python -m torture.fun`",
    ],
)
def test_what_is_not_there_is_found(checks: str) -> None:
    """Of each kind."""
    assert len(unknown(checks)) == 1
