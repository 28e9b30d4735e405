"""The arguments of subscribe as JSON Schema: topics and patterns, start positions, and filters."""

from __future__ import annotations

from typing import Any

from pubsubservice.events.attributes import NAME
from pubsubservice.events.validate import OURS
from pubsubservice.subscribers.filters import MAX_NODES
from pubsubservice.subscribers.settings import Setting

__all__ = ["FILTER", "FILTERS", "FOLLOWED", "START_POSITION", "TOPIC", "setting_schema"]

Schema = dict[str, Any]

TOPIC: Schema = {
    "pattern": "^[A-Za-z0-9][A-Za-z0-9_~%+-]*(\\.[A-Za-z0-9_~%+-]+)*$",
    "type": "string",
    "maxLength": 255,
}
#: a topic, or a pattern of topics
FOLLOWED: Schema = {
    "anyOf": [
        TOPIC,
        {
            "type": "string",
            "maxLength": 255,
            "pattern": "^(>|(\\*|[A-Za-z0-9][A-Za-z0-9_~%+-]*)(\\.(\\*|[A-Za-z0-9_~%+-]+))*(\\.>)?)$",
            "description": "* stands for one token, a last > for one or more.",
        },
    ]
}
START_POSITION: Schema = {
    "anyOf": [
        {"enum": ["earliest", "latest"]},
        {"type": "string", "format": "date-time"},
        {
            "type": "array",
            "items": {"type": "string", "pattern": "^\\d{4}-\\d{20}$"},
            "description": "A position: for each partition, the sequence of the next event.",
        },
    ]
}
_SELF: Schema = {"$ref": "#/components/schemas/Filter"}
_SEVERAL: Schema = {"type": "array", "items": _SELF, "minItems": 1, "maxItems": MAX_NODES}
_COMPARISONS: Schema = {
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"pattern": f"^{NAME.pattern}$", "not": {"enum": ["data", *sorted(OURS - {"topic"})]}},
    "additionalProperties": {"type": "string", "minLength": 1},
}
#: the six required dialects of CloudEvents' subscriptions
FILTER: Schema = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {
        **dict.fromkeys(("exact", "prefix", "suffix"), _COMPARISONS),
        **dict.fromkeys(("all", "any"), _SEVERAL),
        "not": _SELF,
    },
    "additionalProperties": False,
}
FILTERS: Schema = {
    "anyOf": [{"type": "array", "items": _SELF, "maxItems": MAX_NODES}, {"type": "null"}],
    "description": "An event is delivered if it matches all of them; an empty array or null removes the filters.",
}

_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string"}


def setting_schema(setting: Setting) -> Schema:
    """What a setting of a subscription may be."""
    schema: Schema = {"type": _TYPES[setting.kind], "description": setting.says}
    if setting.least is not None:
        schema["minimum"] = setting.least
    if setting.most is not None:
        schema["maximum"] = setting.most
    return schema
