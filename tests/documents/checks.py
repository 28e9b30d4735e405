"""The checks that docs/promises.md and docs/reliability.md name: tests, make targets, rules of the simulation and of torture.

Nothing is imported or collected: names are read from the sources.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["ROOT", "Row", "rows", "unknown"]

ROOT = Path(__file__).parents[2]

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_TARGET = re.compile(r"`make ([\w-]+)(?: [^`]*)?`")
_MODULE = re.compile(r"`(?:PYTHONPATH=\S+ )?python -m ([\w.]+)(?: [^`]*)?`")
_NUMBERED = re.compile(r"^\| (\d+) \| (.*?) \|", re.MULTILINE)
_ITEM = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)
_RULES = re.compile(r"`make (simulate|torture)[^`]*`((?:,? \"[^\"]+\")+)")
#: where the rules stand that the page may quote, as keys of a dictionary
_SOURCES = {"simulate": "tests/simulation/broken*.py", "torture": "tests/torture/checker.py"}


class Row(NamedTuple):
    """What a row of a page's tables says, and who checks it by the list below the table."""

    number: int
    what: str
    checks: str


def rows(page: str) -> list[Row]:
    """The rows of a page, whose tables begin with a number, each with the item of that number. Raises KeyError without one."""
    said = {int(number): what for number, what in _NUMBERED.findall(page)}
    checks = {int(number): text for number, text in _ITEM.findall(page)}
    return [Row(number, said[number], checks[number]) for number in sorted({*said, *checks})]


def unknown(checks: str) -> list[str]:
    """What the checks of a row name that is not there; the checks themselves if they name nothing."""
    tests = _TEST.findall(checks)
    named = [*tests, *_TARGET.findall(checks), *_MODULE.findall(checks)]
    missing = [f"{file}::{name}" for file, name in tests if name not in _functions(ROOT / file)]
    missing += [f"make {name}" for name in _TARGET.findall(checks) if name not in _targets()]
    missing += [name for name in _MODULE.findall(checks) if not _is_module(name)]
    for target, quoted in _RULES.findall(checks):
        missing += [f"{target}: {rule}" for rule in re.findall(r'"([^"]+)"', quoted) if rule not in _keys(target)]
    return missing if named else [f"no check in: {checks}"]


@cache
def _targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@cache
def _functions(file: Path) -> set[str]:
    if not file.exists():
        return set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@cache
def _keys(target: str) -> set[str]:
    keys: set[str] = set()
    for file in ROOT.glob(_SOURCES[target]):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                keys |= {key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return keys


def _is_module(name: str) -> bool:
    path = name.replace(".", "/")
    places = [f"{folder}/{path}{end}" for folder in (".", "tests") for end in (".py", "/__main__.py")]
    return any((ROOT / place).exists() for place in places)
