"""Reading the files of locked packages, and what pyproject.toml asks for."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["HASH", "Locked", "asked_for", "extra", "lines_of", "locked", "on_python", "project"]

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_ROOT = Path(__file__).parents[2]


class Locked(NamedTuple):
    """One pinned version of a package."""

    requirement: Requirement
    hashes: list[str]


def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def extra(name: str) -> list[str]:
    """What an extra requires, with what the extras require that it names."""
    found = []
    for line in project()["project"]["optional-dependencies"][name]:
        wanted = Requirement(line)
        named = sorted(wanted.extras) if wanted.name == "pubsubclient" else []
        found += [other for one in named for other in extra(one)] or [line]
    return found


def lines_of(path: Path) -> list[str]:
    """The lines of a file of requirements, without comments and with continued lines in one."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def locked(path: Path) -> list[Locked]:
    """All that a file pins."""
    return [Locked(Requirement(line.split("--hash", 1)[0]), HASH.findall(line)) for line in lines_of(path)]


def on_python(version: str, path: Path) -> list[Locked]:
    """What of a file is installed on Linux for a Python like 3.12."""
    environment = {
        "python_version": version, "python_full_version": f"{version}.0", "sys_platform": "linux",
        "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix",
        "implementation_name": "cpython", "platform_python_implementation": "CPython",
    }  # fmt: skip
    every = locked(path)
    return [one for one in every if one.requirement.marker is None or one.requirement.marker.evaluate(environment)]


def asked_for(path: Path, source: str) -> set[str]:
    """The packages that a file has because `source` names them, as uv notes it beside each."""
    blocks = re.split(r"^(?=[a-z])", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {canonicalize_name(block.partition("==")[0]) for block in blocks if source in block}
