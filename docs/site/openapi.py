"""The reference of the wire, made of the OpenAPI document that the emulator serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pubsub_emulator.openapi.document import openapi as document
from pubsub_emulator.openapi.responses import CODES

__all__ = ["openapi"]

_CODE = re.compile("|".join(rf"\b{code}\b" for codes in CODES.values() for code in codes))
_METHODS = ("get", "post", "delete")


def openapi() -> str:
    """Each operation with its parameters, bodies and responses, then the schemas, as Markdown."""
    described = document("https://service.example")
    lines: list[str] = []
    for path, item in described["paths"].items():
        for method in _METHODS:
            if method in item:
                lines += _operation(described, method, path, item[method])
    lines += ["## Schemas", ""]
    for name, schema in described["components"]["schemas"].items():
        lines += [f"### {name}", "", "```json", json.dumps(schema, indent=1), "```", ""]
    return "\n".join(lines)


def _operation(described: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"## {method.upper()} {path}"
    yield ""
    yield f"{operation.get('summary', '')}."
    yield ""
    if parameters := operation.get("parameters", []):
        yield "| parameter | in | values |"
        yield "| --- | --- | --- |"
        for parameter in (_resolved(described, each) for each in parameters):
            text = parameter.get("description", "")
            yield f"| `{parameter['name']}` | {parameter['in']} | {_cell(text)} {_code(parameter['schema'])} |"
        yield ""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"Body, `{kind}`: {_kind(content['schema'])}"
        yield ""
    yield "| status | response |"
    yield "| --- | --- |"
    for status, response in operation["responses"].items():
        yield f"| {status} | {_linked(_resolved(described, response).get('description', ''))} |"
    yield ""


def _resolved(described: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """What a reference stands for."""
    if "$ref" not in value:
        return value
    for part in value["$ref"].removeprefix("#/").split("/"):
        described = described[part]
    return described


def _kind(schema: dict[str, Any]) -> str:
    """A link to a schema of this page, or the schema itself."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return f"[{name}](#{name.lower()})" if name else _code(schema)


def _linked(text: str) -> str:
    """The codes of problems, each with a link to its section."""
    return _cell(_CODE.sub(r"[`\g<0>`](/problems.md#\g<0>)", text))


def _code(schema: dict[str, Any]) -> str:
    return f"`{_cell(json.dumps(schema))}`"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")
