"""The tables of inputs and outputs in terraform/README.md, made of variables.tf and outputs.tf.

``python -m tests.terraform.tables`` writes them. It reads what ``terraform fmt`` has laid out: blocks begin and end in the
first column, their arguments are indented by two spaces, and so is what closes an argument of several lines.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from .tree import ROOT

__all__ = ["with_tables"]

_BLOCK = re.compile(r'^(?:variable|output) "(?P<name>\w+)" \{\n(?P<body>.*?)^\}', re.MULTILINE | re.DOTALL)
_ARGUMENT = re.compile(r"^  (?P<name>\w+) += (?P<value>.*?)(?=^  \w|\Z)", re.MULTILINE | re.DOTALL)


def with_tables(readme: str, module: Path) -> str:
    """The text with what is between the marks `<!-- inputs -->` or `<!-- outputs -->` and `<!-- end -->` made anew."""
    for title, table in (("inputs", _inputs(module)), ("outputs", _outputs(module))):
        opening, end = f"<!-- {title} -->\n", "<!-- end -->"
        before, found, rest = readme.partition(opening)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"README.md: <!-- {title} --> and {end} are expected")
        readme = before + opening + table + end + after
    return readme


def _inputs(module: Path) -> str:
    rows = ["| input | type | default | |", "| --- | --- | --- | --- |"]
    for name, arguments in _blocks(module / "variables.tf"):
        default = f"`{_one_line(arguments['default'])}`" if "default" in arguments else "required"
        rows.append(f"| `{name}` | `{_one_line(arguments['type'])}` | {default} | {_text(arguments['description'])} |")
    return "\n".join(rows) + "\n"


def _outputs(module: Path) -> str:
    rows = ["| output | |", "| --- | --- |"]
    rows += [f"| `{name}` | {_text(arguments['description'])} |" for name, arguments in _blocks(module / "outputs.tf")]
    return "\n".join(rows) + "\n"


def _blocks(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The variables or outputs of a file: their names and arguments, as they are written."""
    for block in _BLOCK.finditer(path.read_text(encoding="utf-8")):
        yield block["name"], {found["name"]: found["value"].strip() for found in _ARGUMENT.finditer(block["body"])}


def _one_line(expression: str) -> str:
    lines = [re.sub(r"\s+", " ", line.strip()) for line in expression.splitlines()]
    joined = ", ".join(lines)
    return re.sub(r"([({]),", r"\1", joined).replace(", }", " }").replace("|", "\\|")


def _text(quoted: str) -> str:
    return quoted.strip('"').replace('\\"', '"').replace("|", "\\|").replace("$${", "${")


if __name__ == "__main__":
    README = ROOT / "terraform" / "README.md"
    README.write_text(with_tables(README.read_text(encoding="utf-8"), README.parent), encoding="utf-8")
    sys.exit()
