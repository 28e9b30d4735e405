"""A release adds its version's folder to those that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from docs.site.publish import publish


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A site of one page."""
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "index.html").write_text("first")
    return folder


def test_versions_are_folders(built: Path, tmp_path: Path) -> None:
    """The newest first; stable is the highest number, also after a fix of an old version."""
    site = tmp_path / "site"
    publish(built, site, "dev")
    publish(built, site, "v0.9.0")
    (built / "index.html").write_text("second")
    publish(built, site, "0.10.0")
    (built / "index.html").write_text("third")
    assert publish(built, site, "0.9.1") == ["stable", "0.10", "0.9", "dev"]
    assert json.loads((site / "versions.json").read_text()) == ["stable", "0.10", "0.9", "dev"]
    pages = {name: (site / name / "index.html").read_text() for name in ("stable", "0.10", "0.9", "dev")}
    assert pages == {"stable": "second", "0.10": "second", "0.9": "third", "dev": "first"}
    assert 'url=stable/"' in (site / "index.html").read_text()


def test_pages_that_are_gone_are_gone(built: Path, tmp_path: Path) -> None:
    """A version that is published again has only what it has now."""
    (built / "old.html").touch()
    publish(built, tmp_path / "site", "dev")
    (built / "old.html").unlink()
    publish(built, tmp_path / "site", "dev")
    assert sorted(file.name for file in (tmp_path / "site" / "dev").iterdir()) == ["index.html"]


@pytest.mark.parametrize("version", ["", "latest", "1.2", "../1.2.3"])
def test_what_is_no_version_is_refused(version: str, built: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^expected dev or a version such as 0\.2\.1"):
        publish(built, tmp_path / "site", version)
    assert not (tmp_path / "site").exists()
