"""The command that installs an extra: the right one for how this package was installed."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["install_command"]

_NAME = "pubsubclient"
#: the checkout, if this module lies in one
_CHECKOUT = Path(__file__).parents[3]


def install_command(*extras: str) -> str:
    """Return the command that adds extras to this installation, such as ``pip install 'pubsubclient[auth]'``.

    Whoever installed a checkout, a wheel or a repository is told to install that one again, because the package index may
    not have it. If the checkout or the wheel is gone, the command names the packages of the extras instead.
    """
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 - slow to import, and rarely needed

    listed = f"[{','.join(extras)}]"
    try:
        found = distribution(_NAME)
    except PackageNotFoundError:  # the sources are on the path, and nothing is installed
        is_checkout = (_CHECKOUT / "pyproject.toml").is_file()
        arguments = ["-e", f"{_CHECKOUT}{listed}"] if is_checkout else [f"{_NAME}{listed}"]
    else:
        arguments = _again(found, listed) or _packages(found, extras)
    return " ".join(["pip install", *map(_quote, arguments)])


def _again(found: Distribution, listed: str) -> list[str]:
    """Return pip's arguments that install from the same origin again; none if that is a path that is gone.

    The origin is in ``direct_url.json``, unless it is an index: https://packaging.python.org/specifications/direct-url/
    """
    from urllib.request import url2pathname  # noqa: PLC0415 - slow to import, and rarely needed

    text = found.read_text("direct_url.json")
    if not text:
        return [f"{_NAME}{listed}"]
    origin = json.loads(text)
    url = origin["url"]
    parts = urlsplit(url)
    if parts.scheme == "file" and "vcs_info" not in origin:
        path = Path(url2pathname(parts.path))
        if not path.exists():
            return []
        if "dir_info" in origin:
            return [*(["-e"] if origin["dir_info"].get("editable") else []), f"{path}{listed}"]
    if version_control := origin.get("vcs_info"):
        revision = version_control.get("requested_revision")
        url = f"{version_control['vcs']}+{url}" + (f"@{revision}" if revision else "")
    if folder := origin.get("subdirectory"):
        url += f"#subdirectory={folder}"
    return [f"{_NAME}{listed} @ {url}"]


def _packages(found: Distribution, extras: tuple[str, ...]) -> list[str]:
    """Return what the extras require."""
    lines = (line.partition(";") for line in found.requires or [])
    markers = {f'extra == "{extra}"' for extra in extras}
    return [name.strip() for name, _, marker in lines if marker.strip().replace("'", '"') in markers]


def _quote(argument: str) -> str:
    """Quote an argument, if it must be, for the shell that the reader probably uses."""
    quoted = shlex.quote(argument)
    return f'"{argument}"' if os.name == "nt" and quoted != argument else quoted
