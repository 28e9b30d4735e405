"""The map of the rooms in docs/architecture.md, the index of decisions, and the table of settings in docs/protocol.md.

``python -m tests.documents.map`` writes all three. The map is made of the contracts in pyproject.toml and the first
sentence of each docstring; the index is made of each decision's heading and of the line `Status: …. Rooms: …` under it;
the table is made of the settings of `pubsubservice.subscribers.records`.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pubsubservice.subscribers.records import SETTINGS

__all__ = [
    "ARCHITECTURE",
    "DECISIONS",
    "INDEX",
    "PACKAGES",
    "PROTOCOL",
    "ROOT",
    "Decision",
    "decisions",
    "with_index",
    "with_map",
    "with_settings",
]

ROOT = Path(__file__).parents[2]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DECISIONS = ROOT / "docs" / "decisions"
INDEX = DECISIONS / "README.md"
PROTOCOL = ROOT / "docs" / "protocol.md"
#: the packages, in the map's order, and the folders that they are in
PACKAGES = {"pubsubservice": "functions", "pubsubclient": "client", "pubsub_emulator": "emulator"}

_SENTENCE = re.compile(r".*?[.!?](?=\s|$)", re.DOTALL)
_HEADING = re.compile(r"# (?:\d+\.? )?(?P<title>.+)")
_STATUS = re.compile(r"Status: (?P<status>[^.]+)\. Rooms: (?P<rooms>.+)\.$", re.MULTILINE)


class Decision(NamedTuple):
    """What the index says of a decision."""

    number: str
    file: str
    title: str
    status: str
    rooms: list[str]


def with_map(page: str) -> str:
    """The text of docs/architecture.md with its layers and its rooms made anew."""
    page = _between(page, "layers", _layers())
    for package in PACKAGES:
        page = _between(page, package, _rooms(package))
    return page


def with_index(page: str) -> str:
    """The text of docs/decisions/README.md with its table made anew."""
    rows = ["| | decision | status | rooms |", "| --- | --- | --- | --- |"]
    for one in decisions():
        rooms = ", ".join(f"`{room}`" for room in one.rooms)
        rows.append(f"| {one.number} | [{one.title}]({one.file}) | {one.status} | {rooms} |")
    return _between(page, "decisions", "\n".join(rows) + "\n")


def with_settings(page: str) -> str:
    """The text of docs/protocol.md with its table of a subscription's settings made anew."""
    rows = ["| setting | what it is | values |", "| --- | --- | --- |"]
    for name, setting in SETTINGS.items():
        values = {str: "a topic", bool: "`true`, `false`"}.get(setting.kind, f"{setting.least}–{setting.most}")
        default = f" ({json.dumps(setting.default)})" if setting.default != "" else ""
        rows.append(f"| `{name}` | {setting.says} | {values}{default} |")
    return _between(page, "settings", "\n".join(rows) + "\n")


def decisions() -> Iterator[Decision]:
    """The decisions by number; raises ValueError for one without a heading or a status."""
    for path in sorted(DECISIONS.glob("[0-9]*.md")):
        heading, _, rest = path.read_text(encoding="utf-8").partition("\n")
        titled, said = _HEADING.fullmatch(heading), _STATUS.match(rest.lstrip("\n"))
        if titled is None or said is None:
            raise ValueError(f"{path.name}: a heading, then `Status: …. Rooms: ….` are expected")
        yield Decision(path.name[:4], path.name, titled["title"], said["status"], said["rooms"].split(", "))


def _layers() -> str:
    """A line for each package, the highest layer first: a layer imports only what is to the right of it."""
    lines = []
    for package in PACKAGES:
        layers = [layer for layer in _contract(package) if layer != "_version"]
        lines.append(f"{package + ':':<17}" + " > ".join(layers).replace(" | _version", ""))
    return "```text\n" + "\n".join(lines) + "\n```\n"


def _rooms(package: str) -> str:
    """A row for each room of a package, the highest first, and after it the rooms inside it."""
    rows = ["| room | what it is |", "| --- | --- |"]
    folder = ROOT / PACKAGES[package] / package
    for layer in _contract(package):
        for name in layer.split(" | "):
            if name == "_version":
                continue
            room = folder / name
            if not room.is_dir():
                rows.append(f"| `{name}.py` | {_first_sentence(room.with_suffix('.py'))} |")
                continue
            inside = [room / "__init__.py", *sorted(room.glob("*/__init__.py"))]
            rows += [f"| `{one.parent.relative_to(folder).as_posix()}/` | {_first_sentence(one)} |" for one in inside]
    return "\n".join(rows) + "\n"


def _contract(package: str) -> list[str]:
    """The layers of a package, the highest first; those that do not import each other are joined by a bar."""
    # pytest brings tomli to Python 3.10
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    settings = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers" and contract["containers"] == [package]:
            return [str(layer) for layer in contract["layers"]]
    raise ValueError(f"pyproject.toml has no contract on the layers of {package}")


def _first_sentence(module: Path) -> str:
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    found = _SENTENCE.match(text)
    if found is None:
        raise ValueError(f"{module.relative_to(ROOT)}: a docstring that begins with a sentence is expected")
    return re.sub(r"\s+", " ", found[0]).replace("``", "`").replace("|", "\\|")


def _between(page: str, title: str, text: str) -> str:
    """The page with what is between `<!-- title -->` and the next `<!-- end -->` replaced."""
    opening, end = f"<!-- {title} -->\n", "<!-- end -->"
    before, found, rest = page.partition(opening)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"<!-- {title} --> and {end} are expected")
    return before + opening + text + end + after


if __name__ == "__main__":
    PROTOCOL.write_text(with_settings(PROTOCOL.read_text(encoding="utf-8")), encoding="utf-8")
    ARCHITECTURE.write_text(with_map(ARCHITECTURE.read_text(encoding="utf-8")), encoding="utf-8")
    INDEX.write_text(with_index(INDEX.read_text(encoding="utf-8")), encoding="utf-8")
