"""The settings of a subscription, in one table: their types, ranges, defaults and sentences.

A setting is a field of `records.Subscription` that is annotated with a `Setting`. Requests are decoded and checked,
subscriptions described, and the API's document and ``docs/protocol.md`` written from what `settings_of` finds there.
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_type_hints

import msgspec

__all__ = ["Setting", "settings_of"]


class Setting(NamedTuple):
    """What one setting may be."""

    #: what it is, for readers of the documentation
    says: str
    #: the range of a number
    least: int | None = None
    most: int | None = None
    #: taken from its field
    kind: type = str
    default: Any = None


def settings_of(struct: type[msgspec.Struct]) -> dict[str, Setting]:
    """The settings among the fields of a struct, by name, in the order of the fields."""
    found: dict[str, Setting] = {}
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        for setting in getattr(hints[field.name], "__metadata__", ()):
            if isinstance(setting, Setting):
                kind = hints[field.name].__origin__
                default = setting.default if field.default is msgspec.NODEFAULT else field.default
                found[field.name] = setting._replace(kind=kind, default=default)
    return found
