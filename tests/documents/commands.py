"""The reference of the command line in docs/command-line.md: ``python -m tests.documents.commands`` writes it, from click.

Also the list of exit codes of the command's help is there; the rest of the page is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from pubsubclient.cli.group import COMMANDS, pubsub

__all__ = ["PAGE", "with_commands"]

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"


def with_commands(page: str) -> str:
    """The text of docs/command-line.md with its reference made anew."""
    before, opening, rest = page.partition("<!-- commands -->\n")
    _, closing, after = rest.partition("<!-- end -->")
    return f"{before}{opening}{_reference()}{closing}{after}"


def _reference() -> str:
    parent = click.Context(pubsub, info_name="pubsub")
    lines = ["### Options of all commands", "", *_options(pubsub, parent)]
    for section, entries in COMMANDS.items():
        lines += [f"### {section}", ""]
        for entry in entries:
            command = pubsub.get_command(parent, entry.name)
            assert command is not None
            lines += _command(command, click.Context(command, info_name=entry.name, parent=parent))
    return "\n".join(lines)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"#### pubsub {context.info_name}"
    yield ""
    yield f"`{' '.join(['pubsub', str(context.info_name), *command.collect_usage_pieces(context)])}`"
    yield ""
    yield from _paragraphs(command.help or "")
    yield from _options(command, context)
    yield from _paragraphs(command.epilog or "")


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    options = [each for each in command.params if isinstance(each, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    if not records:
        return
    yield "| option | |"
    yield "| --- | --- |"
    for declared, text in records:
        yield f"| `{_cell(declared)}` | {_cell(_text(text))} |"
    yield ""


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph:
            yield _text(" ".join(paragraph.split()))
            yield ""


def _text(text: str) -> str:
    """Angle brackets of a placeholder would be taken for HTML."""
    return text.replace("<", "&lt;")


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(with_commands(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
