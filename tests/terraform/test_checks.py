"""What `make terraform` checks, as tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .checks import CHECKS
from .tree import Tree


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_the_module_passes(check: Callable[[Tree], str], tree: Tree) -> None:
    """Each check, on a copy of its own."""
    assert check(tree)
