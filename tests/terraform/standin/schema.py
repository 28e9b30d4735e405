"""What providers take: schemas in the shape of ``terraform providers schema -json``, and the rules that it cannot say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tf.gen import tfplugin_pb2 as pb

__all__ = ["Block", "Kind", "ProviderSchema", "load_providers", "nested"]

Block = dict[str, Any]

_FOLDER = Path(__file__).parent
_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}


@dataclass(frozen=True)
class Kind:
    """A kind of resource or data source."""

    version: int
    block: Block
    #: what a string attribute may be, by its dotted path: ``service_config.ingress_settings``
    enums: dict[str, list[str]]
    #: attributes of the outermost block that cannot be changed in place
    replaced_by: list[str]

    def message(self) -> pb.Schema:
        return pb.Schema(version=self.version, block=_block_message(self.block))


@dataclass(frozen=True)
class ProviderSchema:
    """One provider: its own configuration, and its kinds by their names."""

    configuration: Block
    resources: dict[str, Kind]
    data_sources: dict[str, Kind]

    def message(self) -> pb.Schema:
        return pb.Schema(version=0, block=_block_message(self.configuration))


def load_providers() -> dict[str, ProviderSchema]:
    """All providers, by their addresses (``registry.terraform.io/hashicorp/google``)."""
    schemas = json.loads((_FOLDER / "google_schema.json").read_text(encoding="utf-8"))
    rules = json.loads((_FOLDER / "rules.json").read_text(encoding="utf-8"))

    def kinds(found: dict[str, Any]) -> dict[str, Kind]:
        return {
            name: Kind(
                version=schema.get("version", 0),
                block=schema["block"],
                enums=rules["enums"].get(name, {}),
                replaced_by=rules["replaced_by"].get(name, []),
            )
            for name, schema in found.items()
        }

    return {
        address: ProviderSchema(
            configuration=schema.get("provider", {}).get("block", {}),
            resources=kinds(schema.get("resource_schemas", {})),
            data_sources=kinds(schema.get("data_source_schemas", {})),
        )
        for address, schema in schemas["provider_schemas"].items()
    }


def nested(block: Block, value: dict[str, Any]) -> Iterator[tuple[str, int, Block, dict[str, Any]]]:
    """The blocks within a value, with their names and places; unknown ones are left out."""
    for name, kind in block.get("block_types", {}).items():
        inner = value.get(name)
        for place, one in enumerate(inner if isinstance(inner, list) else [inner]):
            if isinstance(one, dict):
                yield name, place, kind["block"], one


def _block_message(block: Block) -> pb.Schema.Block:
    message = pb.Schema.Block(version=0)
    for name, attribute in sorted(block.get("attributes", {}).items()):
        message.attributes.append(
            pb.Schema.Attribute(
                name=name,
                type=json.dumps(attribute["type"]).encode(),
                required=attribute.get("required", False),
                optional=attribute.get("optional", False),
                computed=attribute.get("computed", False),
            )
        )
    for name, kind in sorted(block.get("block_types", {}).items()):
        message.block_types.append(
            pb.Schema.NestedBlock(
                type_name=name,
                block=_block_message(kind["block"]),
                nesting=_NESTING[kind["nesting_mode"]],
                min_items=kind.get("min_items", 0),
                max_items=0 if kind["nesting_mode"] == "single" else kind.get("max_items", 0),
            )
        )
    return message
