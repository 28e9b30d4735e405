"""What pyproject.toml and the package say of the project: where it and its site are, and its version."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

from pubsubclient import __version__

__all__ = ["PAGES", "REPOSITORY", "ROOT", "SITE", "VERSION", "site_of"]

ROOT = Path(__file__).parents[2]
#: the folder of the pages
PAGES = ROOT / "docs"
VERSION = __version__


def site_of(urls: Mapping[str, str]) -> str:
    """The address that pages name as their own, which search engines show: that of the newest release.

    It is empty as long as the project's documentation is where its repository is: then there is no such address.
    """
    documentation = urls["Documentation"]
    return "" if documentation.startswith(urls["Source"]) else f"{documentation.rstrip('/')}/stable/"


def _urls() -> dict[str, str]:
    # pytest brings tomli to Python 3.10
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    settings = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(settings["project"]["urls"])


_URLS = _urls()
#: the address of the repository
REPOSITORY = _URLS["Source"]
#: the address of the site's newest release; empty if pyproject.toml names none
SITE = site_of(_URLS)
