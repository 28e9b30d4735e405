"""Checks AsyncAPI documents: by the official schema, and what a schema cannot say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

__all__ = ["check", "resolve"]

_SCHEMA = Path(__file__).parents[1] / "data" / "asyncapi-3.1.0.json"


@cache
def _validator() -> Draft7Validator:
    return Draft7Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))


def check(document: dict[str, Any]) -> None:
    """Fail unless a document is valid, its references lead somewhere, and its operations name messages of their channels."""
    errors = [f"{list(error.absolute_path)}: {error.message[:300]}" for error in _validator().iter_errors(document)]
    assert not errors, errors
    for reference in _references(document):
        resolve(document, reference)
    for operation in document["operations"].values():
        channel = operation["channel"]["$ref"]
        assert resolve(document, channel)["messages"]
        assert all(one["$ref"].startswith(f"{channel}/messages/") for one in operation.get("messages", []))
    for channel in document["channels"].values():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel.get("parameters", {}))
        for message in channel["messages"].values():
            Draft7Validator.check_schema(message["payload"])
            Draft7Validator.check_schema(message["headers"])


def resolve(document: dict[str, Any], reference: str) -> Any:
    """What a reference within the document leads to, without any unescaping: no key needs it."""
    found: Any = document
    for key in reference.removeprefix("#/").split("/"):
        found = found[key]
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)
