"""The image, built once without a container engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .container import AS_ROOT, ROOT, Image, run_as_root

_BUILD_TIMEOUT_S = 800
#: exit code of docker/without-engine.sh
_CANNOT_BUILD = 3


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """The built image.

    Where it cannot be built the tests are skipped. With CI=true the tools are installed, and the tests fail if that fails.
    """
    in_ci = os.environ.get("CI") == "true"
    if AS_ROOT and not shutil.which("sudo"):
        _absent("root is needed", in_ci=in_ci)
    tag = f"localhost/pubsub:test-{os.getpid()}"
    built = subprocess.run(
        [*AS_ROOT, str(ROOT / "docker" / "without-engine.sh"), *(["--install"] if in_ci else []), tag],
        check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_BUILD_TIMEOUT_S,
    )  # fmt: skip
    if built.returncode == _CANNOT_BUILD or "sudo:" in built.stderr:
        _absent(built.stderr.strip().splitlines()[-1], in_ci=in_ci)
    assert built.returncode == 0, built.stderr
    image, container = Image.mounted(tag)
    yield image
    Image.remove(tag, container)


def _absent(reason: str, *, in_ci: bool) -> None:
    if in_ci:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def volume(image: Image, tmp_path: Path) -> Path:
    """A new volume."""
    return image.volume(tmp_path / "volume")


@pytest.fixture(scope="session")
def nginx() -> str:
    """nginx's path. Without it the tests are skipped; with CI=true it is installed."""
    if not (found := shutil.which("nginx", path="/usr/sbin:/usr/bin")) and os.environ.get("CI") == "true":
        # runlevel 1 keeps the package from starting a server
        run_as_root("env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "nginx-light")
        found = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not found:
        pytest.skip("nginx is needed: apt-get install nginx-light")
    return found
