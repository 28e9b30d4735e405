"""Values as Terraform sends them, and what a provider would compute of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgpack
from tf.gen import tfplugin_pb2 as pb

from standin.schema import Block, Kind, nested

__all__ = ["decode", "encode", "made_up", "refused", "undecided"]

#: how Terraform writes a value that will be known after the apply
_UNKNOWN = msgpack.ExtType(0, b"\x00")
_MADE_UP: dict[str, Any] = {"number": 0, "bool": False}


def decode(value: pb.DynamicValue) -> Any:
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def encode(value: Any) -> pb.DynamicValue:
    return pb.DynamicValue(msgpack=msgpack.packb(value, use_bin_type=True))


def undecided(block: Block, value: dict[str, Any]) -> dict[str, Any]:
    """The value with what the provider will compute marked as unknown."""
    for name, attribute in block.get("attributes", {}).items():
        if attribute.get("computed") and value.get(name) is None:
            value[name] = _UNKNOWN
    for _, _, inner, one in nested(block, value):
        undecided(inner, one)
    return value


def made_up(block: Block, value: dict[str, Any], path: str) -> dict[str, Any]:
    """The value with something in place of all that is computed; strings say where they are from."""
    for name, attribute in block.get("attributes", {}).items():
        if (attribute.get("computed") and value.get(name) is None) or _is_unknown(value.get(name)):
            value[name] = _make_up(attribute["type"], f"{path}.{name}")
    for name, place, inner, one in nested(block, value):
        made_up(inner, one, f"{path}.{name}.{place}")
    return value


def refused(kind: Kind, value: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a configuration, in sentences."""
    for path, given in _strings(kind.block, value):
        taken = kind.enums.get(path)
        if taken is not None and given not in taken:
            yield f"expected {path} to be one of {taken}, got {given!r}"


def _strings(block: Block, value: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name in block.get("attributes", {}):
        if isinstance(value.get(name), str):
            yield path + name, value[name]
    for name, _, inner, one in nested(block, value):
        yield from _strings(inner, one, f"{path}{name}.")


def _is_unknown(value: Any) -> bool:
    return isinstance(value, msgpack.ExtType)


def _make_up(of_type: Any, path: str) -> Any:
    """A value of a type, which is written as the schema writes it: ``"string"`` or ``["list", "string"]``."""
    if of_type == "string":
        return f"stand-in:{path}"
    if isinstance(of_type, str):
        return _MADE_UP.get(of_type)
    shape, content = of_type
    if shape == "object":
        return {name: _make_up(inner, f"{path}.{name}") for name, inner in content.items()}
    return {} if shape == "map" else []
