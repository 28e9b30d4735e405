"""Every promise and every fault of the documentation names a test or a command that is there."""

from __future__ import annotations

import pytest

from documents.checks import ROOT, rows, unknown


@pytest.mark.parametrize(("page", "at_least"), [("docs/promises.md", 40), ("docs/reliability.md", 40)])
def test_what_a_page_says_is_checked_is_checked(page: str, at_least: int) -> None:
    """A test that was renamed is named as it is called now; a row without a check is no promise."""
    found = rows((ROOT / page).read_text(encoding="utf-8"))
    assert [row.number for row in found] == list(range(1, len(found) + 1))
    assert len(found) >= at_least
    assert not {f"{row.number} {row.what}": missing for row in found if (missing := unknown(row.checks))}


def test_a_row_without_an_item_is_found() -> None:
    """And an item without a row."""
    page = "| 1 | an event is stored | |\n| 2 | once | |\n\n1. `make torture`\n"
    with pytest.raises(KeyError):
        rows(page)
    with pytest.raises(KeyError):
        rows(f"{page}2. `make torture`\n3. `make torture`\n")


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
