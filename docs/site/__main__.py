"""Builds the site: ``python -m docs.site FOLDER``. A warning, or a link that leads nowhere, is an error."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.site.project import PAGES
from sphinx.cmd.build import build_main

__all__ = ["build"]


def build(folder: Path) -> int:
    """Build the site in `folder`, with what Sphinx remembers beside it; returns the exit code.

    All pages are read anew, for a page that did not change may lead to one that did.
    """
    quiet_and_strict = ["-q", "-E", "-n", "-W", "--keep-going"]
    remembered = folder.with_name(f"{folder.name}-doctrees")
    return build_main([*quiet_and_strict, "-d", str(remembered), "-c", str(PAGES / "site"), str(PAGES), str(folder)])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m docs.site FOLDER")
    sys.exit(build(Path(sys.argv[1])))
