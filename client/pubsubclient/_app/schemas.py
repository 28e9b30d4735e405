"""JSON Schemas of the types of data, each type under one name, in the draft that AsyncAPI has.

AsyncAPI's Schema Object extends draft 7; msgspec and pydantic write draft 2020-12.
Source: https://json-schema.org/draft/2020-12/release-notes
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pubsubclient._core.typed_data import Codec

__all__ = ["Keys", "Schemas"]

_PLACE = "#/components/schemas/"


class Keys:
    """Makes keys of a map that need no escaping in references: letters, digits, and ``. _ -``."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """Return a key that looks like `name` and was not returned before."""
        wanted = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("_") or "_"
        key, number = wanted, 1
        while key in self._taken:
            number += 1
            key = f"{wanted}_{number}"
        self._taken.add(key)
        return key


class Schemas:
    """Collects what stands under ``components/schemas``.

    Attributes:
        components: the schemas by name
    """

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}
        self._keys = Keys()
        #: by the name of a type, and by all that it is made of, as text: two types of one name keep apart
        self._known: dict[tuple[str, str], str] = {}

    def put(self, name: str, schema: dict[str, Any]) -> dict[str, str]:
        """Add a schema of draft 7 that refers to nothing; returns a reference to it."""
        key = self._keys.take(name)
        self.components[key] = schema
        return {"$ref": _PLACE + key}

    def add(self, codec: Codec) -> Any:
        """Return the schema of a codec's data, and add what it refers to. Raises ConfigurationError if it has none."""
        schema, parts = codec.schema(_PLACE)
        names: dict[str, str] = {}
        fresh: list[str] = []
        for name in sorted(parts):
            identity = name, json.dumps(_closure(name, parts), sort_keys=True)
            if identity not in self._known:
                self._known[identity] = self._keys.take(name)
                fresh.append(name)
            names[name] = self._known[identity]
        for name in fresh:
            self.components[names[name]] = _draft_7(parts[name], names)
        return _draft_7(schema, names)


def _closure(name: str, parts: dict[str, Any]) -> dict[str, Any]:
    """Return a part and all parts that it refers to, directly or not."""
    found: dict[str, Any] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one] = parts[one]
            waiting += [reference for reference in _references(parts[one]) if reference in parts]
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_PLACE)
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


#: members of a schema whose values are data, not schemas
_DATA = frozenset({"const", "default", "enum", "examples", "example"})
#: members of a schema whose values are schemas by name
_BY_NAME = frozenset({"properties", "patternProperties"})


def _draft_7(schema: Any, names: dict[str, str]) -> Any:
    """Return a schema in draft 7, with other names of the parts that it refers to."""
    if isinstance(schema, list):
        return [_draft_7(one, names) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for member, value in schema.items():
        if member in _DATA:
            made[member] = value
        elif member in _BY_NAME:
            made[member] = {name: _draft_7(one, names) for name, one in value.items()}
        else:
            made[member] = _draft_7(value, names)
    if "prefixItems" in made:
        if "items" in made:
            made["additionalItems"] = made["items"]
        made["items"] = made.pop("prefixItems")
    reference = made.get("$ref")
    if isinstance(reference, str):
        name = reference.removeprefix(_PLACE)
        made["$ref"] = _PLACE + names.get(name, name)
        if len(made) > 1:  # in draft 7, what stands beside a reference does not count
            made["allOf"] = [{"$ref": made.pop("$ref")}, *made.get("allOf", [])]
    return made
