"""What the checks need on this machine: Terraform, and the environments that `make terraform` makes beside the tests' own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

__all__ = ["NotInstalled", "checkov", "provider", "terraform"]

_ENVIRONMENTS = Path(sys.prefix)
_FOLDER = Path(__file__).parent


class NotInstalled(Exception):
    """Something is missing; the message says what, and how to get it."""


def provider() -> str:
    """Which providers check the module: PROVIDER is ``standin`` (default), or ``real`` where a registry can be reached."""
    chosen = os.environ.get("PROVIDER", "standin")
    if chosen not in ("standin", "real"):
        raise NotInstalled(f"PROVIDER={chosen}: standin or real is expected")
    return chosen


def terraform() -> tuple[list[str], dict[str, str]]:
    """The command that runs Terraform with the chosen providers, and the environment that it needs."""
    found = shutil.which("terraform")
    if found is None:
        raise NotInstalled("terraform is not installed: https://developer.hashicorp.com/terraform/install")
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    if provider() == "real":
        # fetched once for all folders
        plugins = _ENVIRONMENTS / "terraform" / "plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        environment |= {"TF_PLUGIN_CACHE_DIR": str(plugins), "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1"}
        return [found], environment
    python = _ENVIRONMENTS / "terraform" / "bin" / "python"
    if not python.exists():
        raise NotInstalled(
            f"the stand-in for Terraform's providers is not installed in {python.parents[1]}: make terraform"
        )
    environment |= {"TF_CLI_CONFIG_FILE": os.devnull, "PYTHONPATH": str(_FOLDER), "PYTHONDONTWRITEBYTECODE": "1"}
    return [str(python), "-m", "standin", "--", found], environment


def checkov() -> str:
    """The program of that name."""
    program = _ENVIRONMENTS / "checkov" / "bin" / "checkov"
    if not program.exists():
        raise NotInstalled(f"checkov is not installed in {program.parents[1]}: make terraform")
    return str(program)
