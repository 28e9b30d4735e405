"""The site's order of pages, as the lists of docs/index.md have it.

Each heading there is a section, and each item ``- [title](page.md): what it is`` a page. A page that no list names is in the
section *Guides*, so that a new page needs no change elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from docs.site.project import PAGES

__all__ = ["HOME", "Page", "Section", "sections", "toctrees"]

HOME = PAGES / "index.md"
_REST = "Guides"
_SECTION = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
_ITEM = re.compile(r"^- \[(?P<title>[^\]]+)\]\((?P<file>[\w./-]+)\.md\)(?:: (?P<says>.+))?$", re.MULTILINE)


class Page(NamedTuple):
    """A page of the site: its name within ``docs`` without the suffix, its title, and a sentence about it or nothing."""

    name: str
    title: str
    says: str = ""


class Section(NamedTuple):
    """A heading of the home page, and its pages in order."""

    title: str
    pages: Sequence[Page]


def sections() -> list[Section]:
    """The sections of docs/index.md that have pages, with those of ``docs`` that it does not name in *Guides*."""
    found = list(_listed(HOME.read_text(encoding="utf-8")))
    named = {page.name for section in found for page in section.pages} | {HOME.stem}
    rest = [_page(file) for file in sorted(PAGES.glob("*.md")) if file.stem not in named]
    return [section._replace(pages=[*section.pages, *rest]) if section.title == _REST else section for section in found]


def toctrees() -> str:
    """The sections as toctrees of Sphinx, which the home page does not show."""
    lines = []
    for section in sections():
        lines += ["```{toctree}", ":hidden:", f":caption: {section.title}", ""]
        lines += [page.name for page in section.pages]
        lines += ["```", ""]
    return "\n".join(lines)


def _listed(page: str) -> Iterator[Section]:
    headings = list(_SECTION.finditer(page))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        text = page[heading.end() : following.start() if following else len(page)]
        pages = [Page(item["file"], item["title"], item["says"] or "") for item in _ITEM.finditer(text)]
        if pages:
            yield Section(heading["title"], pages)


def _page(file: Path) -> Page:
    title = file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    return Page(file.stem, title)
