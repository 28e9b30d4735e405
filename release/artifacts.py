"""The sdist and the wheel: built reproducibly, and checked before anybody gets them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from release.errors import ReleaseError

__all__ = ["build", "check", "sha256"]

#: what a second build must not depend on
_OTHER_SURROUNDINGS = {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "17", "LC_ALL": "C"}


def build(root: Path, folder: Path) -> list[Path]:
    """Build the sdist and, from it, the wheel; return both.

    Both are built again elsewhere, from the unpacked sdist, and the wheel from the checkout too. Raises ReleaseError unless
    these are the same files, bit for bit.
    """
    sdist, wheel = _build(root, folder)
    with tempfile.TemporaryDirectory(prefix="pubsub-release-") as temporary:
        (direct,) = _build(root, Path(temporary) / "direct", "--wheel")
        _expect_same(direct, wheel, "the wheel of the checkout differs from the wheel of the sdist")
        with tarfile.open(sdist) as archive:
            archive.extractall(temporary, filter="data")
        unpacked = Path(temporary) / sdist.name.removesuffix(".tar.gz")
        for again, first in zip(
            _build(unpacked, Path(temporary) / "again", elsewhere=True), (sdist, wheel), strict=True
        ):
            _expect_same(again, first, f"two builds of {first.name} differ")
    return [sdist, wheel]


def check(root: Path, files: list[Path], say: Callable[[str], None]) -> None:
    """Check the files' metadata and contents, and pyproject.toml. Raises ReleaseError."""
    names = [str(file) for file in files]
    wheels = [name for name in names if name.endswith(".whl")]
    for module, *arguments in (
        ("twine", "check", "--strict", *names),
        ("check_wheel_contents", *wheels),
        ("validate_pyproject", "pyproject.toml"),
    ):
        _run([sys.executable, "-m", module, *arguments], root)
        say(f"{module.replace('_', '-')} finds nothing")


def sha256(file: Path) -> str:
    """Return the digest in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _build(root: Path, folder: Path, *options: str, elsewhere: bool = False) -> list[Path]:
    """Build with the installed build backend; nothing is fetched. Return the files, the sdist first."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), *options, str(root)]
    if elsewhere:
        _run(command, root, {**os.environ, **_OTHER_SURROUNDINGS}, umask=0o077)
    else:
        _run(command, root)
    return [*folder.glob("*.tar.gz"), *folder.glob("*.whl")]


def _run(command: list[str], root: Path, environment: dict[str, str] | None = None, umask: int = -1) -> None:
    ran = subprocess.run(
        command, cwd=root, env=environment, umask=umask, capture_output=True, text=True, check=False, timeout=280
    )
    if ran.returncode:
        raise ReleaseError(f"{' '.join(command[2:4])} fails:\n{ran.stdout}{ran.stderr}".strip())


def _expect_same(one: Path, other: Path, complaint: str) -> None:
    if one.read_bytes() != other.read_bytes():
        raise ReleaseError(complaint)
