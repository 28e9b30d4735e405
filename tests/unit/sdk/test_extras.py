"""The command that installs an extra, for each way in which the package can have been installed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pubsubclient._core.extras import install_command

pytestmark = pytest.mark.skipif(os.name == "nt", reason="quotes are those of a POSIX shell")

_ROOT = Path(__file__).parents[3]
_SOURCE = _ROOT / "client" / "pubsubclient" / "_core" / "extras.py"
_METADATA = """Metadata-Version: 2.1
Name: pubsubclient
Version: 0.1.0
Requires-Dist: requests>=2.31
Provides-Extra: auth
Requires-Dist: cryptography>=43; extra == 'auth'
Requires-Dist: google-auth>=2.40; extra == "auth"
Provides-Extra: fast
Requires-Dist: orjson>=3.10; extra == 'fast'
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Lay an installation on the path, with this origin."""

    def lay(origin: dict[str, object] | None) -> None:
        folder = tmp_path / "site" / "pubsubclient-0.1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(_METADATA)
        if origin is not None:
            (folder / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.syspath_prepend(folder.parent)

    return lay


def test_from_an_index_it_is_the_name(install: Install) -> None:
    """There the index has it."""
    install(None)
    assert install_command("auth") == "pip install 'pubsubclient[auth]'"
    assert install_command("emulator", "auth") == "pip install 'pubsubclient[emulator,auth]'"


@pytest.mark.parametrize(("editable", "option"), [(True, "-e "), (False, "")])
def test_from_a_checkout_it_is_its_folder(install: Install, tmp_path: Path, editable: bool, option: str) -> None:
    """Whatever is in its path."""
    checkout = tmp_path / "my checkout's"
    checkout.mkdir()
    install({"url": checkout.as_uri(), "dir_info": {"editable": True} if editable else {}})
    command = install_command("auth")
    assert command.startswith(f"pip install {option}")
    assert shlex.split(command)[-1] == f"{checkout}[auth]"


def test_from_a_wheel_it_is_the_wheel(install: Install, tmp_path: Path) -> None:
    """As pip wants it: its URL."""
    wheel = tmp_path / "pubsubclient-0.1.0-py3-none-any.whl"
    wheel.touch()
    install({"url": wheel.as_uri(), "archive_info": {}})
    assert install_command("auth") == f"pip install 'pubsubclient[auth] @ {wheel.as_uri()}'"


def test_when_the_wheel_is_gone_it_is_the_packages(install: Install, tmp_path: Path) -> None:
    """Which the index has, whether it has this one or not."""
    install({"url": (tmp_path / "gone.whl").as_uri(), "archive_info": {}})
    assert install_command("auth") == "pip install 'cryptography>=43' 'google-auth>=2.40'"
    assert install_command("auth", "fast") == "pip install 'cryptography>=43' 'google-auth>=2.40' 'orjson>=3.10'"


def test_from_a_repository_it_is_the_revision(install: Install) -> None:
    """The one that was asked for."""
    git = {"vcs": "git", "requested_revision": "v0.1.0", "commit_id": "0" * 40}
    install({"url": "https://example.com/pubsub.git", "vcs_info": git, "subdirectory": "python"})
    assert install_command("auth") == (
        "pip install 'pubsubclient[auth] @ git+https://example.com/pubsub.git@v0.1.0#subdirectory=python'"
    )


def test_from_a_repository_without_a_revision(install: Install, tmp_path: Path) -> None:
    """Its default branch; also of one on this machine."""
    install({"url": tmp_path.as_uri(), "vcs_info": {"vcs": "git", "commit_id": "0" * 40}})
    assert install_command("fast") == f"pip install 'pubsubclient[fast] @ git+{tmp_path.as_uri()}'"


def test_from_the_web_it_is_the_address(install: Install) -> None:
    """Of a wheel or an archive."""
    url = "https://example.com/pubsubclient-0.1.0-py3-none-any.whl"
    install({"url": url, "archive_info": {"hashes": {}}})
    assert install_command("fast") == f"pip install 'pubsubclient[fast] @ {url}'"


@pytest.mark.skipif(not _SOURCE.exists(), reason="the sources are not here")
def test_sources_on_the_path_are_installed_from_where_they_lie() -> None:
    """Where nothing is installed: -S leaves the installed packages out."""
    program = f"import runpy; print(runpy.run_path({str(_SOURCE)!r})['install_command']('auth'))"
    said = subprocess.run(
        [sys.executable, "-S", "-c", program], check=True, capture_output=True, text=True, cwd="/", timeout=60
    ).stdout.strip()
    assert shlex.split(said) == ["pip", "install", "-e", f"{_ROOT}[auth]"]
