"""The site as a whole: nothing of it is elsewhere, and programs find every page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.site.navigation import sections
from docs.site.project import PAGES, SITE, site_of
from docs.site.sources import source_of

#: what Sphinx makes beside the pages
_MADE = {"genindex", "search", "py-modindex"}


@pytest.mark.slow
def test_every_page_is_there_as_markdown_and_listed(site: Path) -> None:
    pages = {str(file.relative_to(site).with_suffix("")) for file in site.rglob("*.html")} - _MADE
    assert pages == {
        str(file.relative_to(site).with_suffix("")) for file in site.rglob("*.md") if "_" not in file.parts[0]
    }
    listed = set(re.findall(r"\]\(([^)]+)\.md\)", (site / "llms.txt").read_text()))
    assert listed == pages - {"index"}


@pytest.mark.slow
def test_all_text_fits_a_models_window(site: Path) -> None:
    """At most 200,000 tokens; a token of English and Python is more than three bytes."""
    assert 100_000 < len((site / "llms-full.txt").read_bytes()) < 3 * 200_000


def test_pages_are_in_one_section() -> None:
    names = [page.name for section in sections() for page in section.pages]
    assert len(names) == len(set(names))


def test_a_link_that_leaves_the_pages_leads_to_the_repository() -> None:
    text = "[a](../README.md#demo) [b](../functions) [c](delivery.md) [d](../CHANGELOG.md) `[e](f)`"
    at = "https://github.com/pubsubclient/pubsubclient"
    assert source_of(text, PAGES) == (
        f"[a]({at}/blob/main/README.md#demo) [b]({at}/tree/main/functions) [c](delivery.md) [d](/changelog.md) `[e](f)`"
    )


@pytest.mark.slow
def test_pages_name_an_address_if_the_project_has_one(site: Path) -> None:
    """pyproject.toml is the only place of it; where the repository is the documentation, there is none."""
    source = "https://github.com/shop/shop"
    assert site_of({"Source": source, "Documentation": f"{source}/tree/main/docs"}) == ""
    assert site_of({"Source": source, "Documentation": "https://docs.example"}) == "https://docs.example/stable/"
    link = re.search('<link rel="canonical" href="([^"]+)">', (site / "costs.html").read_text(encoding="utf-8"))
    assert (link[1] if link else "") == (f"{SITE}costs.html" if SITE else "")


def test_a_link_to_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"nothing\.py, which does not exist"):
        source_of("[a](../nothing.py)", PAGES)
