"""The version: where it stands, and how it is changed everywhere at once."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from packaging.version import InvalidVersion, Version

from release.errors import ReleaseError

__all__ = ["changes_of", "current", "write"]

_SOURCE = "client/pubsubclient/_version.py"
#: each file that names the version, with what stands around it; the first is the source, and the others repeat it
_FILES = {
    _SOURCE: re.compile(r'(?<=^__version__ = ")[^"]+', re.MULTILINE),
    "functions/pubsubservice/_version.py": re.compile(r'(?<=^__version__ = ")[^"]+', re.MULTILINE),
    "conda/recipe.yaml": re.compile(r'(?<=^  version: ")[^"]+', re.MULTILINE),
}
_CHANGELOG = "CHANGELOG.md"
_UNRELEASED = "## [Unreleased]"


def current(root: Path) -> str:
    """Return the version of a checkout. Raises ReleaseError if two files disagree."""
    found = {name: _read(root / name, pattern) for name, pattern in _FILES.items()}
    for name, version in found.items():
        if version != found[_SOURCE]:
            raise ReleaseError(f"{name} says {version}, {_SOURCE} says {found[_SOURCE]}: run make version")
    return found[_SOURCE]


def write(root: Path, version: str, today: date) -> None:
    """Set the version in every file, and close the changelog's unreleased section under it. Raises ReleaseError."""
    try:
        normal = str(Version(version))
    except InvalidVersion as error:
        raise ReleaseError(f"{version!r} is not a version: expected one like 0.2.0") from error
    if normal != version:
        raise ReleaseError(f"write the version as {normal}, not {version}")
    changelog = root / _CHANGELOG
    text = changelog.read_text(encoding="utf-8")
    if f"## [{version}]" in text:
        raise ReleaseError(f"{_CHANGELOG} has a section for {version} already")
    if not _section(text, _UNRELEASED):
        raise ReleaseError(f"{_CHANGELOG} has nothing under {_UNRELEASED}")
    for name, pattern in _FILES.items():
        path = root / name
        path.write_text(pattern.sub(version, path.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    heading = f"{_UNRELEASED}\n\n## [{version}] - {today.isoformat()}"
    changelog.write_text(text.replace(_UNRELEASED, heading, 1), encoding="utf-8")


def changes_of(root: Path, version: str, *, tagged: bool) -> tuple[str, str]:
    """Return the changelog's heading for a version, and what it says.

    Before the tag, the unreleased section will do. Raises ReleaseError if there is none.
    """
    text = (root / _CHANGELOG).read_text(encoding="utf-8")
    released = re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE)
    headings = [released.group()] if released else [] if tagged else [_UNRELEASED]
    for heading in headings:
        if section := _section(text, heading):
            return heading, section
    raise ReleaseError(f"{_CHANGELOG} has no section for {version}: expected one like ## [{version}] - 2026-01-31")


def _read(path: Path, pattern: re.Pattern[str]) -> str:
    found = pattern.search(path.read_text(encoding="utf-8"))
    if found is None:
        raise ReleaseError(f"{path.name} names no version")
    return found.group()


def _section(text: str, heading: str) -> str:
    """Return what stands between a heading and the next one of its level."""
    _, _, after = text.partition(f"{heading}\n")
    return re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0].strip()
