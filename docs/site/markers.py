"""What a marker ``<!-- site: NAME ARGUMENT -->`` of a page becomes on the site: the function NAME(ARGUMENT)'s Markdown."""

from __future__ import annotations

from docs.site.calculator import calculator
from docs.site.navigation import toctrees
from docs.site.openapi import openapi
from docs.site.project import PAGES, ROOT
from docs.site.reference import of_module as api
from docs.site.reference import of_other_modules as other_modules

__all__ = ["api", "calculator", "changelog", "decisions", "openapi", "other_modules", "toctrees"]


def changelog() -> str:
    """CHANGELOG.md below its heading."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n")[2].replace("](docs/", "](")


def decisions() -> str:
    """A toctree of all decisions."""
    names = sorted(file.stem for file in (PAGES / "decisions").glob("[0-9]*.md"))
    return "\n".join(["```{toctree}", ":hidden:", "", *names, "```"])
