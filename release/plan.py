"""What a tag would publish: checked as far as this machine can, and told before anything is published."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from release import artifacts, conda, version
from release.errors import ReleaseError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["plan"]

_WORKFLOW = ".github/workflows/release.yml"
_DOCKERFILE = "docker/Dockerfile"
_NO_DIGEST = "0" * 64


def plan(root: Path, files: list[Path], tag: str | None, *, on_host: bool) -> Iterator[str]:
    """Yield, line by line, what publishing `tag` would do with these files; None: what the next tag would.

    With `on_host` also what only the repository's host can provide has to be there. Raises ReleaseError.
    """
    released = version.current(root)
    if tag is not None and tag != f"v{released}":
        raise ReleaseError(f"the tag is {tag}, the version {released}: expected the tag v{released}")
    if tag is not None and (changed := _git(root, "status", "--porcelain")):
        raise ReleaseError(f"the checkout differs from the tag:\n{changed}")
    if on_host and (here := os.environ.get("GITHUB_REPOSITORY")) != _repository(root):
        raise ReleaseError(f"pyproject.toml says that the repository is {_repository(root)}; this one is {here}")
    heading, section = version.changes_of(root, released, tagged=tag is not None)
    yield f"tag          {tag or f'v{released} (not made yet)'}"
    yield f"changes      CHANGELOG.md, {heading}: {len(section.splitlines())} lines"
    for file in files:
        if f"-{released}" not in file.name:
            raise ReleaseError(f"{file.name} is not of version {released}: run make dist")
        yield f"to PyPI      {file.name}, {file.stat().st_size:,} bytes, sha256 {artifacts.sha256(file)}"
    yield f"to ghcr.io   {image(root)}:{released}"
    yield from dict.fromkeys(f"             base {line}" for line in _bases(root, on_host=on_host))
    for name, needs in conda.render(root / "conda" / "recipe.yaml").items():
        yield f"conda recipe {name}: {'; '.join(needs)}"
    yield from _steps(root)


def image(root: Path) -> str:
    """Return the container's name without its version, which is the repository's."""
    return f"ghcr.io/{_repository(root).lower()}"


def _repository(root: Path) -> str:
    """Return OWNER/NAME."""
    said = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    source: str = said["project"]["urls"]["Source"]
    return urlsplit(source).path.strip("/")


def _bases(root: Path, *, on_host: bool) -> Iterator[str]:
    """The images that the Dockerfile begins with, each pinned by its digest."""
    if not (root / _DOCKERFILE).is_file():
        raise ReleaseError(f"{_DOCKERFILE} is missing")
    text = (root / _DOCKERFILE).read_text(encoding="utf-8")
    stages = set(re.findall(r"^FROM .* AS (\S+)$", text, re.MULTILINE | re.IGNORECASE))
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
    for name in re.findall(r"^FROM (?:--\S+ )*(\S+)", text, re.MULTILINE):
        base = re.sub(r"\$\{?(\w+)\}?", lambda found: arguments.get(found.group(1), found.group()), name)
        if base in stages:
            continue
        digest = base.partition("@sha256:")[2]
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise ReleaseError(f"{_DOCKERFILE}: {base} has no digest: expected NAME@sha256:...")
        if digest == _NO_DIGEST and on_host:
            raise ReleaseError(f"{_DOCKERFILE}: the digest of {base} is still to be filled in")
        yield base + (" (to be filled in on the host)" if digest == _NO_DIGEST else "")


def _steps(root: Path) -> Iterator[str]:
    """The jobs of the workflow, in their order, with what each may do."""
    workflow: dict[str, Any] = yaml.safe_load((root / _WORKFLOW).read_text(encoding="utf-8"))
    for name, job in workflow["jobs"].items():
        needs = job.get("needs", [])
        after = f", after {', '.join([needs] if isinstance(needs, str) else needs)}" if needs else ""
        allowed = [f"{scope}: {may}" for scope, may in job.get("permissions", {}).items()]
        yield f"job          {name}{after} ({', '.join(allowed) or 'no permissions'})"
        for step in job.get("steps", []):
            yield f"             - {step.get('name') or step.get('run') or step['uses'].partition('@')[0]}"
        if "uses" in job:
            yield f"             - {job['uses']}"


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout.strip()
