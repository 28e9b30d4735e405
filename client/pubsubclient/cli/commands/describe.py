"""``pubsub describe``: all that the service says of a name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.reads import KINDS, state
from pubsubclient.cli.text import printable, words
from pubsubclient.cli.values import NAME_OF_KIND

__all__ = ["command"]


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name", type=NAME_OF_KIND)
@pass_common
def command(common: Common, kind: str, name: str) -> None:
    """Show all of a topic, subscriber or publisher."""
    body = state(common.transport(), kind, name)
    if common.output.json:
        common.output.record(body)
        return
    for line in _lines(body, ""):
        common.output.line(line)


def _lines(members: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield `name: value` lines; lists of objects are indented below their name."""
    for name, value in members.items():
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value) and name != "filters":
            yield f"{indent}{name}:"
            for each in value:
                first, *others = _lines(each, "")
                yield f"{indent}  - {first}"
                yield from (f"{indent}    {line}" for line in others)
        else:
            yield f"{indent}{name}: {_value(name, value)}"


def _value(name: str, value: Any) -> str:
    if name.endswith("_s") and isinstance(value, int | float):
        return f"{value:g} ({words(value)})" if value >= 60 else f"{value:g}"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
