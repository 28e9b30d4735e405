"""The packages that the functions are built with: each in one version for each Python, its files known by their hashes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .conftest import ROOT
from .locked import HASH, Locked, asked_for, extra, lines_of, on_python

_FUNCTIONS = ROOT / "functions"


def _wanted() -> list[Requirement]:
    return [Requirement(line) for line in lines_of(_FUNCTIONS / "requirements.in")]


def _runtimes() -> list[str]:
    """The Pythons that the Terraform module offers: 3.12 for python312."""
    (listed,) = re.findall(r"contains\(\[(.*?)\], var\.runtime\)", (ROOT / "terraform/variables.tf").read_text())
    return [f"3.{minor}" for minor in re.findall(r'"python3(\d+)"', listed)]


def _in_the_cloud(runtime: str) -> list[Locked]:
    """What is installed there."""
    return on_python(runtime, _FUNCTIONS / "requirements.txt")


def test_each_package_is_pinned_with_hashes_and_comes_from_nowhere_in_particular() -> None:
    """So pip checks what it gets, wherever it gets it; and the file names no index, and no file."""
    for line in lines_of(_FUNCTIONS / "requirements.txt"):
        assert re.fullmatch(rf"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [^#@/:]+?)?(\s+{HASH.pattern})+\s*", line), line
    text = (_FUNCTIONS / "requirements.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links", text)


def test_what_the_functions_need_is_there_and_was_asked_for() -> None:
    """`make lock` was run after the last change of requirements.in."""
    found = asked_for(_FUNCTIONS / "requirements.txt", "-r requirements.in")
    assert found == {canonicalize_name(wanted.name) for wanted in _wanted()}


@pytest.mark.parametrize("runtime", _runtimes())
def test_each_python_has_one_version_of_each_package(runtime: str) -> None:
    """And one that is wanted, of those that are imported."""
    versions = {one.requirement.name: one.requirement.specifier for one in _in_the_cloud(runtime)}
    assert len(versions) == len(_in_the_cloud(runtime))
    for wanted in _wanted():
        (pin,) = versions[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(pin.version), wanted


def test_the_emulator_needs_the_same() -> None:
    """The ranges of requirements.in are those of the extras, which add what the emulator needs besides."""
    extras = {line for name in ("emulator", "auth", "firestore") for line in extra(name)}
    assert set(lines_of(_FUNCTIONS / "requirements.in")) <= extras


@pytest.mark.slow
@pytest.mark.parametrize("runtime", _runtimes())
def test_each_python_has_a_wheel_of_each_package(runtime: str, tmp_path: Path) -> None:
    """With one of these hashes: a build in the cloud compiles nothing."""
    listed = tmp_path / "requirements.txt"
    # without their markers, which pip would evaluate for the Python that it runs on
    listed.write_text(
        "".join(
            f"{one.requirement.name}{one.requirement.specifier} {' '.join(one.hashes)}\n"
            for one in _in_the_cloud(runtime)
        )
    )
    platforms = [
        f"--platform={name}" for name in ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
    ]
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--require-hashes", "--only-binary=:all:"),
            *("--quiet", "--target", str(tmp_path / "target"), "--python-version", runtime, *platforms, "-r", str(listed)),
        ],
        check=False, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
