"""Source distributions of other packages, whose own tests and examples are run here. `make` fetches them."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

__all__ = ["source_of", "unpacked"]


def source_of(package: str, variable: str) -> Path:
    """The archive that an environment variable names. Its absence is a skip, with CI=true a failure."""
    archive = Path(os.environ.get(variable, ""))
    if not archive.is_file():
        message = f"{variable} names no archive of {package}'s source"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return archive


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack an archive in an empty folder; returns the one folder that it has."""
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    (found,) = folder.iterdir()
    return found
