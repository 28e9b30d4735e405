"""The data source ``archive_file``, for real: the zip that the module uploads is made when its plan is."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path
from typing import Any

__all__ = ["read_archive_file"]

#: the first time that a zip can say: what is in it counts, not when it was made
_TIME = (1980, 1, 1, 0, 0, 0)


def read_archive_file(value: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write the zip of ``source_dir`` or of the ``source`` blocks to ``output_path``; gives the value with its hashes.

    Relative paths begin at `folder`. Raises ValueError for what only hashicorp/archive does: other types, single files, and
    patterns in ``excludes``. Source: the documentation of its ``archive_file``.
    """
    if value["type"] != "zip":
        raise ValueError("archive_file: the stand-in makes zip files only")
    path = folder / value["output_path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = int(value["output_file_mode"] or "0644", 8)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sorted(_contents(value, folder).items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return {**value, **_hashes(path.read_bytes())}


def _contents(value: dict[str, Any], folder: Path) -> dict[str, bytes]:
    """What goes into the archive, by the names that it has there."""
    if value["source"]:
        return {source["filename"]: source["content"].encode() for source in value["source"]}
    if not value["source_dir"]:
        raise ValueError("archive_file: the stand-in takes source_dir or source blocks")
    excludes = set(value["excludes"] or ())
    if any(character in name for name in excludes for character in "*?[{"):
        raise ValueError("archive_file: the stand-in excludes files by their names, not by patterns")
    root = folder / value["source_dir"]
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name not in excludes}


def _hashes(content: bytes) -> dict[str, Any]:
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    sha256, sha512 = hashlib.sha256(content), hashlib.sha512(content)
    return {
        "id": sha1,
        "output_sha": sha1,
        "output_md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "output_sha256": sha256.hexdigest(),
        "output_sha512": sha512.hexdigest(),
        "output_base64sha256": base64.b64encode(sha256.digest()).decode(),
        "output_base64sha512": base64.b64encode(sha512.digest()).decode(),
        "output_size": len(content),
    }
