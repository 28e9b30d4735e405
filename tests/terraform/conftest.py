"""Copies of the module, and what happens where Terraform is not installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import installed
from .tree import Tree


@pytest.fixture(scope="session", autouse=True)
def terraform_installed() -> None:
    """Tests are skipped where Terraform or its environments are missing, but fail under CI=true."""
    try:
        installed.terraform()
        installed.checkov()
    except installed.NotInstalled as absent:
        if os.environ.get("CI") == "true":
            pytest.fail(str(absent))
        pytest.skip(str(absent))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)
