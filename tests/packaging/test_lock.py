"""The packages that the functions are built with: each in one version for each Python, its files known by their hashes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .conftest import ROOT

_FUNCTIONS = ROOT / "functions"
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class _Locked(NamedTuple):
    requirement: Requirement
    hashes: list[str]


def _lines(path: Path) -> list[str]:
    """The lines of a file of requirements, without comments and with continued lines in one."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def _wanted() -> list[Requirement]:
    return [Requirement(line) for line in _lines(_FUNCTIONS / "requirements.in")]


def _locked() -> list[_Locked]:
    lines = [line.split("--hash", 1)[0] for line in _lines(_FUNCTIONS / "requirements.txt")]
    hashes = [_HASH.findall(line) for line in _lines(_FUNCTIONS / "requirements.txt")]
    return [_Locked(Requirement(line), found) for line, found in zip(lines, hashes, strict=True)]


def _runtimes() -> list[str]:
    """The Pythons that the Terraform module offers: 3.12 for python312."""
    (listed,) = re.findall(r"contains\(\[(.*?)\], var\.runtime\)", (ROOT / "terraform/variables.tf").read_text())
    return [f"3.{minor}" for minor in re.findall(r'"python3(\d+)"', listed)]


def _in_the_cloud(runtime: str) -> list[_Locked]:
    """What is installed there."""
    environment = {
        "python_version": runtime, "python_full_version": f"{runtime}.0", "sys_platform": "linux",
        "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix",
        "implementation_name": "cpython", "platform_python_implementation": "CPython",
    }  # fmt: skip
    return [one for one in _locked() if one.requirement.marker is None or one.requirement.marker.evaluate(environment)]


def test_each_package_is_pinned_with_hashes_and_comes_from_nowhere_in_particular() -> None:
    """So pip checks what it gets, wherever it gets it; and the file names no index, and no file."""
    for line in _lines(_FUNCTIONS / "requirements.txt"):
        assert re.fullmatch(rf"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [^#@/:]+?)?(\s+{_HASH.pattern})+\s*", line), line
    text = (_FUNCTIONS / "requirements.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links", text)


def test_what_the_functions_need_is_there_and_was_asked_for() -> None:
    """`make lock` was run after the last change of requirements.in."""
    text = (_FUNCTIONS / "requirements.txt").read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)
    asked_for = {block.partition("==")[0] for block in blocks if "-r requirements.in" in block}
    assert asked_for == {canonicalize_name(wanted.name) for wanted in _wanted()}


@pytest.mark.parametrize("runtime", _runtimes())
def test_each_python_has_one_version_of_each_package(runtime: str) -> None:
    """And one that is wanted, of those that are imported."""
    versions = {one.requirement.name: one.requirement.specifier for one in _in_the_cloud(runtime)}
    assert len(versions) == len(_in_the_cloud(runtime))
    for wanted in _wanted():
        (pin,) = versions[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(pin.version), wanted


def test_the_emulator_needs_the_same() -> None:
    """The ranges of requirements.in are those of the extra, which adds what the emulator needs besides."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (extra,) = re.findall(r"^emulator = \[\n(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert set(_lines(_FUNCTIONS / "requirements.in")) <= set(re.findall(r'"(.*?)"', extra))


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
