"""Deliberate mistakes, one at a time in a copy of the module: `make terraform` notices each, and says what is wrong."""

from __future__ import annotations

import re
from functools import partial

import pytest

from . import checks, installed
from .mistakes import MISTAKES, Mistake
from .tree import Failed, Tree


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "_"))
def test_the_mistake_is_noticed(mistake: Mistake, tree: Tree) -> None:
    """By the check that is to notice it, in these words."""
    if installed.provider() == "real":
        pytest.skip("the words are those of the stand-in")
    file = tree.module / mistake.file
    text = file.read_text(encoding="utf-8")
    assert mistake.right in text
    file.write_text(text.replace(mistake.right, mistake.wrong), encoding="utf-8")
    check = partial(checks.tested, tree, mistake.test) if mistake.test else partial(checks.CHECKS[mistake.check], tree)
    with pytest.raises(Failed) as found:
        check()
    assert mistake.message in _unwrapped(str(found.value))


def _unwrapped(said: str) -> str:
    """Without the frames and line breaks that Terraform puts around its messages."""
    return re.sub(r"\s+", " ", said.replace("│", " "))
