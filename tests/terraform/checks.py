"""What is checked of the module, one function each: it returns what can be said of success, or raises Failed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from . import installed, tables
from .deployment import upgraded
from .tree import Failed, Tree, run

__all__ = ["CHECKS", "LEAST_RUNS"]

#: fewer passed runs than this, and the tests were not found
LEAST_RUNS = 15
#: what gives IAM its time
_WAIT = "time_sleep.iam"
_POLICIES = Path(__file__).parent / "policies"


def formatted(tree: Tree) -> str:
    tree.terraform("fmt", "-check", "-recursive", "-diff")
    return "formatted"


def valid(tree: Tree) -> str:
    """Of the module, and of the examples with the module in them."""
    for folder in (".", "examples/minimal", "examples/complete"):
        tree.init(folder)
        tree.terraform("validate", at=folder)
    return f"valid with {'the stand-in' if installed.provider() == 'standin' else 'the real providers'}"


def ordered(tree: Tree) -> str:
    """What accounts are granted is granted, and has had its time to count, before a function is built."""
    tree.init()
    edges = re.findall(r'"(\S+)" -> "(\S+)"', tree.terraform("graph"))
    grants = {node for edge in edges for node in edge if "_iam_member." in node}
    late = grants - _needed(_WAIT, edges)
    if _WAIT not in _needed("google_cloudfunctions2_function.this", edges) or late:
        raise Failed(f"functions are built without waiting for {', '.join(sorted(late)) or _WAIT}")
    return f"functions wait for {len(grants)} grants"


def _needed(node: str, edges: list[tuple[str, str]]) -> set[str]:
    """What has to be there before a node of the graph."""
    direct = {needed for other, needed in edges if other == node}
    return direct.union(*(_needed(needed, edges) for needed in direct))


def tested(tree: Tree, *only: str) -> str:
    """`terraform test`, of all its files or of those named; the real providers are mocked in it, so it needs no cloud."""
    tree.init()
    said = tree.terraform("test", *(f"-filter=tests/{name}.tftest.hcl" for name in only))
    found = re.search(r"(\d+) passed, 0 failed", said)
    least = 1 if only else LEAST_RUNS
    if found is None or int(found[1]) < least:
        raise Failed(f"{least} runs at least are expected\n{said}")
    return f"{found[1]} runs passed"


def policed(tree: Tree) -> str:
    """checkov, with its own policies and ours; what is skipped, and why, is in `.checkov.yaml`."""
    command = [
        installed.checkov(),
        "--directory",
        str(tree.module),
        "--config-file",
        str(tree.module / ".checkov.yaml"),
    ]
    said = run([*command, "--external-checks-dir", str(_POLICIES)], tree.module, dict(os.environ))
    found = re.search(r"Passed checks: (\d+), Failed checks: 0", said)
    if found is None:
        raise Failed(f"no check was made\n{said}")
    return f"{found[1]} policies kept"


def documented(tree: Tree) -> str:
    """The tables of the README are those of the variables and outputs."""
    readme = (tree.module / "README.md").read_text(encoding="utf-8")
    if readme != tables.with_tables(readme, tree.module):
        raise Failed("the tables of terraform/README.md are not those of variables.tf and outputs.tf: make tables")
    return "tables are current"


#: in the order in which they are run, the quick ones first
CHECKS: dict[str, Callable[[Tree], str]] = {
    "fmt": formatted,
    "tables": documented,
    "validate": valid,
    "order": ordered,
    "upgrade": upgraded,
    "test": tested,
    "checkov": policed,
}
