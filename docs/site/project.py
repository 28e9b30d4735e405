"""What pyproject.toml and the package say of the project: where it is, and its version."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from pubsubclient import __version__

__all__ = ["PAGES", "REPOSITORY", "ROOT", "VERSION"]

ROOT = Path(__file__).parents[2]
#: the folder of the pages
PAGES = ROOT / "docs"
VERSION = __version__


def _repository() -> str:
    # pytest brings tomli to Python 3.10
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    settings = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(settings["project"]["urls"]["Source"])


#: the address of the repository
REPOSITORY = _repository()
