"""The packages of development, benchmarks and checks: pinned with hashes for each Python, and the same that are deployed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .conftest import ROOT
from .locked import HASH, asked_for, extra, lines_of, on_python, project

_FOLDER = ROOT / "requirements"
_FILES = sorted(_FOLDER.glob("*.txt"))
_PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
# the groups and the extras in each file that is not one group
_GROUPS = {"runtime": ["build"], "dev": ["build", "dev", "docs"], "image": []}
_EXTRAS = {"runtime": ["emulator", "auth", "firestore"], "dev": ["all"], "image": ["emulator", "auth"]}


def _wanted(file: Path) -> list[Requirement]:
    said = project()
    groups = [said["dependency-groups"][name] for name in _GROUPS.get(file.stem, [file.stem])]
    if file.stem in _GROUPS:
        groups += [said["project"]["dependencies"], *map(extra, _EXTRAS[file.stem])]
    return [Requirement(line) for group in groups for line in group]


def _versions(python: str, file: Path) -> dict[str, str]:
    found = [(one.requirement.name, str(one.requirement.specifier)) for one in on_python(python, file)]
    assert len(dict(found)) == len(found)  # one version of each
    return dict(found)


def test_each_group_is_locked() -> None:
    """In a file that is called like it, or in one that holds several."""
    together = {group for groups in _GROUPS.values() for group in groups}
    files = {file.stem for file in _FILES}
    assert files <= {*_GROUPS, *project()["dependency-groups"]}
    assert files | together >= set(project()["dependency-groups"])


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_each_package_is_pinned_with_hashes_and_comes_from_nowhere_in_particular(file: Path) -> None:
    """No index is named, and no file."""
    for line in lines_of(file):
        assert re.fullmatch(rf"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [^#@/:]+?)?(\s+{HASH.pattern})+\s*", line), line
    assert not re.search(r"://|--(extra-)?index-url|--find-links", file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_what_is_asked_for_is_locked_and_nothing_else(file: Path) -> None:
    """`make lock` was run after the last change of pyproject.toml."""
    assert asked_for(file, "pubsubclient (pyproject.toml") == {canonicalize_name(one.name) for one in _wanted(file)}


@pytest.mark.parametrize("python", _PYTHONS)
@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_each_python_has_one_version_that_is_wanted(file: Path, python: str) -> None:
    """Of each package that is meant for it."""
    versions = _versions(python, file)
    for wanted in _wanted(file):
        if wanted.marker is None or wanted.marker.evaluate({"python_version": python}):
            assert wanted.specifier.contains(versions[canonicalize_name(wanted.name)].removeprefix("==")), wanted


@pytest.mark.parametrize("python", _PYTHONS)
def test_what_is_tested_is_what_is_deployed(python: str) -> None:
    """And benchmarks measure the same."""
    deployed = _versions(python, ROOT / "functions" / "requirements.txt")
    tested = _versions(python, _FOLDER / "dev.txt")
    assert deployed.items() <= tested.items()
    for name in ("runtime.txt", "image.txt", "build.txt"):
        assert _versions(python, _FOLDER / name).items() <= tested.items()
    measured = _versions(python, _FOLDER / "benchmarks.txt")
    assert {name: tested[name] for name in measured.keys() & tested.keys()}.items() <= measured.items()
