"""A release: the version everywhere, the conda recipe, and what a tag would publish."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

pytest.importorskip("rattler_build", reason="make venv and make dist install what builds a release")

from packaging.requirements import Requirement
from release import artifacts, conda, plan, version
from release.errors import ReleaseError

from .conftest import ROOT
from .locked import extra, project

_RECIPE = ROOT / "conda" / "recipe.yaml"
#: what conda calls a package otherwise than PyPI does
_CONDA_NAMES = {"msgspec": "msgspec-python"}


def _for_conda(requirements: list[str]) -> set[str]:
    wanted = [Requirement(line) for line in requirements]
    return {f"{_CONDA_NAMES.get(one.name, one.name)} {one.specifier}" for one in wanted}


def test_the_conda_packages_need_what_the_wheel_needs() -> None:
    """The first as the wheel alone, the second besides it as the extra of the emulator."""
    said = project()["project"]
    released = version.current(ROOT)
    assert {name: set(needs) for name, needs in conda.render(_RECIPE).items()} == {
        f"pubsubclient {released}": {f"python {said['requires-python']}", *_for_conda(said["dependencies"])},
        f"pubsubclient-emulator {released}": {"pubsubclient, this very build", *_for_conda(extra("emulator"))},
    }


def test_the_conda_packages_are_built_with_what_the_wheel_is_built_with() -> None:
    """Named in the recipe, for conda builds without the network; and they have the same command."""
    text = _RECIPE.read_text(encoding="utf-8")
    for command, function in project()["project"]["scripts"].items():
        assert f"- {command} = {function}\n" in text
    for requirement in _for_conda(project()["build-system"]["requires"]):
        assert f"- {requirement}\n" in text


@pytest.mark.parametrize(
    ("text", "wrong", "says"),
    [
        ("  number: 0", "  number: 0\n  numbr: 1", "unknown field 'numbr'"),
        ("      run:", "      runs:", "unknown field 'runs'"),
        ("  summary:", "  sumary:", "unknown field 'sumary'"),
        ('  version: "', '  version: "0.1 ', "not a valid version"),
        ("requests >=", "requests >==", "unable to parse version spec"),
    ],
)
def test_a_wrong_recipe_is_refused(text: str, wrong: str, says: str, tmp_path: Path) -> None:
    """With what is wrong."""
    said = _RECIPE.read_text(encoding="utf-8")
    assert text in said
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(said.replace(text, wrong, 1), encoding="utf-8")
    with pytest.raises(ReleaseError, match=re.escape(says)):
        conda.render(recipe)


def test_the_repository_has_one_address() -> None:
    """That of pyproject.toml, wherever another file names it."""
    (address,) = {url.partition("/tree/")[0].partition("/blob/")[0].removesuffix("/issues") for url in _urls()}
    for name in ("pyproject.toml", "conda/recipe.yaml", "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for found in re.findall(r"https://github\.com/[\w.-]*/pubsub\w*", text):
            assert found == address, name
    assert plan.image(ROOT) == address.replace("https://github.com", "ghcr.io")


def _urls() -> list[str]:
    return list(project()["project"]["urls"].values())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the files of this one, and nothing else that git would keep."""
    copy = tmp_path / "checkout"
    listed = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in filter(None, subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    _git(copy, "init", "--quiet")
    _commit(copy)
    return copy


def _git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def _commit(folder: Path) -> None:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "A release")


def test_a_version_is_written_everywhere(checkout: Path) -> None:
    """And the changelog gets its section, under a new and empty one."""
    unreleased = version.changes_of(checkout, "9.8.7", tagged=False)[1]
    version.write(checkout, "9.8.7", date(2031, 2, 3))
    assert version.current(checkout) == "9.8.7"
    assert version.changes_of(checkout, "9.8.7", tagged=True) == ("## [9.8.7] - 2031-02-03", unreleased)
    with pytest.raises(ReleaseError, match=re.escape("has a section for 9.8.7 already")):
        version.write(checkout, "9.8.7", date(2031, 2, 3))
    with pytest.raises(ReleaseError, match="nothing under"):
        version.write(checkout, "9.8.8", date(2031, 2, 3))


@pytest.mark.parametrize(
    ("wrong", "says"), [("next", "expected one like 0.2.0"), ("v1.0", "as 1.0"), ("1.0-rc1", "as 1.0rc1")]
)
def test_a_wrong_version_is_not_written(wrong: str, says: str, checkout: Path) -> None:
    """It is said how it has to be."""
    with pytest.raises(ReleaseError, match=re.escape(says)):
        version.write(checkout, wrong, date(2031, 2, 3))


def test_files_that_disagree_about_the_version_are_named(checkout: Path) -> None:
    """For instance after a change by hand."""
    (checkout / "functions/pubsubservice/_version.py").write_text('__version__ = "0.0.9"\n')
    with pytest.raises(
        ReleaseError, match=r"^functions/pubsubservice/_version.py says 0.0.9, client/pubsubclient/_version"
    ):
        version.current(checkout)


@pytest.mark.slow
def test_a_tag_would_publish_what_it_says(checkout: Path) -> None:
    """On a copy of the repository: the version is set, tagged, built and told; wrong tags are refused."""
    version.write(checkout, "9.8.7", date(2031, 2, 3))
    _write_dockerfile(checkout, "1" * 64)
    _commit(checkout)
    _git(checkout, "tag", "v9.8.7")
    status, told = _release(checkout, "check", "--tag", "v9.8.7")
    assert status == 0, told
    print(told)
    for suffix in (".tar.gz", "-py3-none-any.whl"):
        file = checkout / "dist" / f"pubsubclient-9.8.7{suffix}"
        assert f"{file.name}, {file.stat().st_size:,} bytes, sha256 {artifacts.sha256(file)}\n" in told
        assert artifacts.sha256(file) == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "tag          v9.8.7\n" in told
    assert told.count(f"             base python:3.13@sha256:{'1' * 64}\n") == 1
    assert "## [9.8.7] - 2031-02-03" in told
    assert f"to ghcr.io   {plan.image(checkout)}:9.8.7\n" in told
    jobs = re.findall(r"^job +(\w+)", told, re.MULTILINE)
    assert jobs == ["build", "tests", "pypi", "image", "docs"]
    assert "job          pypi, after build, tests (id-token: write)\n" in told
    status, told = _release(checkout, "check", "--tag", "v9.8.6")
    assert (status, told.splitlines()[-1]) == (
        1, "release: the tag is v9.8.6, the version 9.8.7: expected the tag v9.8.7",
    )  # fmt: skip
    (checkout / "README.md").write_text("changed")
    status, told = _release(checkout, "check", "--tag", "v9.8.7")
    assert (status, "the checkout differs from the tag" in told) == (1, True)


def _write_dockerfile(checkout: Path, digest: str) -> Path:
    dockerfile = checkout / "docker" / "Dockerfile"
    dockerfile.parent.mkdir(exist_ok=True)
    dockerfile.write_text(f"ARG BASE=python:3.13@sha256:{digest}\nFROM ${{BASE}} AS build\nFROM ${{BASE}}\n")
    return dockerfile


def _release(checkout: Path, *arguments: str) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "release", *arguments], cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout


def test_what_only_the_host_has_is_asked_for_there(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base image's digest, and that the repository is the one that pyproject.toml names."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "somebody/else")
    with pytest.raises(ReleaseError, match="this one is somebody/else"):
        list(plan.plan(checkout, [], None, on_host=True))
    monkeypatch.setenv("GITHUB_REPOSITORY", plan.image(checkout).removeprefix("ghcr.io/"))
    dockerfile = _write_dockerfile(checkout, "0" * 64)
    assert f"             base python:3.13@sha256:{'0' * 64} (to be filled in on the host)" in list(
        plan.plan(checkout, [], None, on_host=False)
    )
    with pytest.raises(ReleaseError, match="still to be filled in"):
        list(plan.plan(checkout, [], None, on_host=True))
    dockerfile.write_text("FROM --platform=$BUILDPLATFORM python:3.13 AS build\nFROM build\n")
    with pytest.raises(ReleaseError, match=re.escape("python:3.13 has no digest")):
        list(plan.plan(checkout, [], None, on_host=False))
