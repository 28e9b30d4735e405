"""A copy of the module that Terraform may write into."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from . import installed

__all__ = ["ROOT", "Failed", "Tree", "run"]

ROOT = Path(__file__).parents[2]
_TIMEOUT_S = 240
_LEFT_OUT = shutil.ignore_patterns(".terraform*", "*.tfstate*", "__pycache__", "*.pyc")


class Failed(Exception):
    """A check found something; the message is what its program said."""


class Tree:
    """`terraform/` and the `functions/` that it deploys, copied into a folder."""

    def __init__(self, folder: Path) -> None:
        self.module = folder / "terraform"
        self.functions = folder / "functions"
        shutil.copytree(ROOT / "terraform", self.module, ignore=_LEFT_OUT)
        shutil.copytree(ROOT / "functions", self.functions, ignore=_LEFT_OUT)

    def terraform(self, *arguments: str, at: str = ".") -> str:
        """Run Terraform in the module, or in a folder of it; gives what it printed. Raises Failed and NotInstalled."""
        command, environment = installed.terraform()
        return run([*command, *arguments, "-no-color"], self.module / at, environment)

    def init(self, at: str = ".") -> None:
        self.terraform("init", "-backend=false", at=at)

    def apply(self, **variables: str) -> dict[str, Any]:
        """Apply the module; gives its state, as ``terraform show -json`` has it."""
        self.terraform("apply", "-auto-approve", *(f"-var={name}={value}" for name, value in variables.items()))
        state: dict[str, Any] = json.loads(self.terraform("show", "-json"))
        return state

    def plan(self, **variables: str) -> dict[str, list[str]]:
        """What an apply would do, by addresses: ``["create"]``, ``["update"]``, ``["delete", "create"]``; not what stays."""
        self.terraform("plan", "-out=plan", *(f"-var={name}={value}" for name, value in variables.items()))
        changes = json.loads(self.terraform("show", "-json", "plan"))["resource_changes"]
        actions = {change["address"]: change["change"]["actions"] for change in changes}
        return {address: done for address, done in actions.items() if done != ["no-op"]}


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What a program prints. Raises Failed with it, less what frames it, if the program does not exit with 0."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if ended.returncode != 0:
        raise Failed(ended.stdout)
    return ended.stdout
