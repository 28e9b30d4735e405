"""Adds a built site to a folder of all versions: ``python -m docs.site.publish BUILT FOLDER VERSION``.

Each version has a folder of its own, named by its first two numbers, or ``dev``. ``stable`` is a copy of the highest
number. The pages' choice of a version reads ``versions.json``; the folder's own page leads to the first of them.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

__all__ = ["publish"]

_VERSION = re.compile(r"v?(\d+\.\d+)\.\d+")
_HOME = """<!doctype html>
<html lang="en">
<title>pubsubclient</title>
<meta http-equiv="refresh" content="0; url={version}/">
<a href="{version}/">pubsubclient's documentation</a>
</html>
"""


def publish(built: Path, folder: Path, version: str) -> list[str]:
    """Put the site `built` into `folder`; returns the folder's versions, the newest first.

    `version` is ``dev`` or a release such as ``0.2.1`` or ``v0.2.1``, whose folder is ``0.2``.
    Raises ValueError for another one.
    """
    numbered = _VERSION.fullmatch(version)
    if numbered is None and version != "dev":
        raise ValueError(f"expected dev or a version such as 0.2.1, got {version!r}")
    name = numbered[1] if numbered else version
    _replace(built, folder / name)
    releases = sorted((each.name for each in folder.glob("[0-9]*.[0-9]*")), key=_numbers, reverse=True)
    if releases and releases[0] == name:
        _replace(built, folder / "stable")
    versions = [*(["stable"] if releases else []), *releases, *(["dev"] if (folder / "dev").exists() else [])]
    (folder / "versions.json").write_text(json.dumps(versions), encoding="utf-8")
    (folder / "index.html").write_text(_HOME.format(version=versions[0]), encoding="utf-8")
    (folder / ".nojekyll").touch()  # GitHub leaves out folders that begin with an underscore otherwise
    return versions


def _replace(built: Path, to: Path) -> None:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(built, to, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo"))


def _numbers(name: str) -> list[int]:
    return [int(part) for part in name.split(".")]


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python -m docs.site.publish BUILT FOLDER VERSION")
    try:
        print(" ".join(publish(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])))
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
