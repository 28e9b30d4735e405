"""Reads what pages list and what sources ask for: columns of tables, flags of argparse, variables of the environment.

Sources are parsed, not imported: some modules need Django's settings, and a variable is read in places that no test reaches.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ROOT", "constant", "flags", "listed", "page", "variables"]

ROOT = Path(__file__).parents[2]

_TABLE = re.compile(r"^\| (?P<title>[^|\n]*?) \|.*\n\|[ |:-]+\n(?P<rows>(?:\|.*\n)*)", re.MULTILINE)


def page(name: str) -> str:
    """The text of a page in ``docs``."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def listed(text: str, title: str) -> list[set[str]]:
    """What is in backquotes in the first column of each table of a text whose first column has this title."""
    tables = [table["rows"] for table in _TABLE.finditer(text) if table["title"] == title]
    assert tables, f"no table has the column {title!r}"
    return [
        {name for row in rows.splitlines() for name in re.findall("`([^`]+)`", row.split(" | ")[0])} for rows in tables
    ]


def constant(file: Path, name: str) -> ast.expr:
    """What a module of the packages assigns to a name at its top."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            assert node.value is not None
            return node.value
    raise ValueError(f"{file} has no {name}")


def flags(file: Path) -> set[str]:
    """The flags that a module adds to parsers of argparse, but for those that the help leaves out."""
    found: set[str] = set()
    text = file.read_text(encoding="utf-8")
    if ".add_argument" not in text:  # most files; parsing takes long
        return found
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".add_argument")):
            continue
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if options.get("help") == "argparse.SUPPRESS":
            continue
        names = [name for name in map(ast.literal_eval, node.args) if name.startswith("--")]
        found.update(names)
        if options.get("action") == "argparse.BooleanOptionalAction":
            found.update(f"--no-{name[2:]}" for name in names)
    return found


def variables(file: Path) -> Iterator[str]:
    """The variables of the environment that a module reads. Raises ValueError for one whose name is not in the sources."""
    text = file.read_text(encoding="utf-8")
    if not re.search("environ|getenv|envvar", text):  # most files; parsing takes long
        return
    tree = ast.parse(text)
    loops = {
        node.target.id: node.iter
        for node in ast.walk(tree)
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name)
    }
    for asked in _asked(tree):
        if isinstance(asked, ast.Name) and asked.id in loops:
            yield from ast.literal_eval(loops[asked.id])
        elif isinstance(asked, ast.Name):
            yield str(ast.literal_eval(_value(tree, file, asked.id)))
        else:
            yield str(ast.literal_eval(asked))


def _asked(tree: ast.Module) -> Iterator[ast.expr]:
    """The names, as expressions, that a module asks the environment, or lets click ask it, for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in {"os.getenv", "os.environ.get", "os.environ.pop", "environment.get"}:
                yield node.args[0]
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "envvar")
        elif isinstance(node, ast.Subscript) and _is_environment(node.value):
            yield node.slice
        elif isinstance(node, ast.Compare) and _is_environment(node.comparators[0]):
            yield node.left


def _is_environment(node: ast.expr) -> bool:
    return ast.unparse(node) in {"os.environ", "environment"}


def _value(tree: ast.Module, file: Path, name: str) -> ast.expr:
    """What a name of a module stands for, also if another module of the packages has it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and name in {each.name for each in node.names}:
            (found,) = ROOT.glob(f"*/{node.module.replace('.', '/')}.py")
            return constant(found, name)
    return constant(file, name)
