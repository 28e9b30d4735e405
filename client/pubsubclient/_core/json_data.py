"""Encodes the data of an event that has no declared type: JSON's own types, and some of Python's that JSON does not know."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, time
from enum import Enum
from typing import Any

from pubsubclient._core.errors import InvalidArgument
from pubsubclient._core.json import encode_data
from pubsubclient._core.json_stdlib import MAX_DEPTH

__all__ = ["encode_any_data"]


def encode_any_data(data: Any) -> bytes:
    """Encode a caller's value; raises InvalidArgument, with the path of the value, for what has no form in JSON.

    Beside the values that `encode_data` takes: datetime, date and time become ISO 8601 text; a UUID and a Decimal become
    text; an Enum becomes its value; a dataclass or an attrs class an object of its fields; a pydantic model what its
    ``model_dump(mode="json", by_alias=True)`` returns.
    """
    try:
        return encode_data(data)
    except InvalidArgument as error:
        converted = _converted(data, MAX_DEPTH, error)
    return encode_data(converted)


def _converted(value: Any, levels: int, refused: InvalidArgument) -> Any:
    """Return a copy of `value` in JSON's own types. What cannot be converted stays, to be refused with its path.

    Raises `refused`, the error of the first try, for a value that is nested too deeply.
    """
    if not levels:
        raise refused
    if isinstance(value, Enum):
        value = value.value
    fields = _fields_of(type(value))
    if fields is not None:
        value = {name: getattr(value, name) for name in fields}
    if isinstance(value, dict):
        return {key: _converted(item, levels - 1, refused) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_converted(item, levels - 1, refused) for item in value]
    return _text_or_model(value)


def _text_or_model(value: Any) -> Any:
    # imported here, because programs that have none of these do not load the modules
    from decimal import Decimal  # noqa: PLC0415
    from uuid import UUID  # noqa: PLC0415

    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if hasattr(type(value), "model_dump"):
        try:
            return value.model_dump(mode="json", by_alias=True)
        except ValueError as error:
            raise InvalidArgument(f"data: a {type(value).__name__} cannot be encoded: {error}") from error
    return value


def _fields_of(kind: type) -> list[str] | None:
    """Return the names of the fields of a dataclass or an attrs class; None for any other class."""
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    attributes = getattr(kind, "__attrs_attrs__", None)
    return None if attributes is None else [attribute.name for attribute in attributes]
