"""Data of a declared type: values of Python to JSON and back, each checked against the type.

pydantic converts its own models. msgspec converts dataclasses, TypedDict, NamedTuple, attrs classes, its own Struct, and
what is made of them: ``list[...]``, ``Literal``, unions. Neither is imported before a type needs it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Protocol, get_args, get_origin

from pubsubclient._core.arguments import shown
from pubsubclient._core.errors import ConfigurationError
from pubsubclient._core.json import encode

__all__ = ["Codec", "Unfit", "codec_of"]

#: types that are checked without a library, and their names in JSON
_PLAIN: dict[object, tuple[type, str]] = {
    dict: (dict, "object"),
    Mapping: (dict, "object"),
    list: (list, "array"),
    Sequence: (list, "array"),
    str: (str, "str"),
    int: (int, "int"),
    float: (float, "float"),
    bool: (bool, "bool"),
    bytes: (bytes, "bytes"),
}
#: their schemas; an integer is a number too, and a text stands for bytes
_SCHEMAS: dict[type, dict[str, str]] = {
    dict: {"type": "object"},
    list: {"type": "array"},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "contentEncoding": "base64"},
}
_NAMES = {dict: "object", list: "array", type(None): "null"}
#: arguments of ``dict[...]`` and ``list[...]`` that need no check
_UNCHECKED = ((), (Any,), (object,), (str, Any), (str, object))
#: the text of msgspec's errors: what, and where
_AT = re.compile(r"(?P<what>.*) - at (?P<key>`key` in )?`(?P<path>[^`]*)`", re.DOTALL)


class Unfit(ValueError):  # noqa: N818 - a fault of the data, raised and caught inside this package
    """Data does not fit its type. The text is the path of the first fault and what was expected there."""


class Codec(Protocol):
    """Converts values of one type to JSON's own types, or bytes, and back. Both ways check, and raise `Unfit`."""

    def decode(self, data: Any) -> Any:
        """Return the value that an event's data stands for."""

    def encode(self, value: Any) -> Any:
        """Return a value as data of an event, if it can be decoded again."""

    def schema(self, place: str) -> tuple[Any, dict[str, Any]]:
        """Return the JSON Schema (draft 2020-12) of data, and those of the types that it refers to as `place` and a name.

        Raises ConfigurationError if the type has none.
        """


def codec_of(annotation: object) -> Codec | None:
    """Return the codec of a type; None for a type that takes every value.

    Raises ConfigurationError if no value of the type can be decoded from JSON, or if the extra ``typed`` is needed for it and
    not installed.
    """
    if annotation in (Any, object):
        return None
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and any(_is_model(part, pydantic) for part in _parts(annotation)):
        return _Pydantic(annotation, pydantic)
    origin = get_origin(annotation) or annotation
    if _is_hashable(origin) and origin in _PLAIN and get_args(annotation) in _UNCHECKED:
        return _Plain(*_PLAIN[origin])
    try:
        import msgspec  # noqa: PLC0415 - imported only if a type needs it
    except ImportError as error:
        from pubsubclient._core.extras import install_command  # noqa: PLC0415 - slow to import, only to fail

        raise ConfigurationError(
            f"{_name(annotation)} needs msgspec to be decoded: {install_command('typed')}"
        ) from error
    return _Msgspec(annotation, msgspec)


class _Plain:
    """One of JSON's own types, or bytes: data stays as it is. A float may be written as an integer."""

    def __init__(self, kind: type, name: str) -> None:
        self._kind = kind
        self._name = name

    def decode(self, data: Any) -> Any:
        kind = type(data)
        if kind is self._kind:
            return data
        if self._kind is float and kind is int:
            return float(data)
        if not isinstance(data, self._kind) or kind is bool:
            raise Unfit(f"$: expected {self._name}, got {_NAMES.get(kind, kind.__name__)}")
        return data

    encode = decode

    def schema(self, place: str) -> tuple[Any, dict[str, Any]]:  # noqa: ARG002 - it refers to nothing
        return dict(_SCHEMAS[self._kind]), {}


class _Msgspec:
    """A type that msgspec knows."""

    def __init__(self, annotation: object, msgspec: ModuleType) -> None:
        self._type: Any = annotation
        self._convert = msgspec.convert
        self._to_builtins = msgspec.to_builtins
        self._schemas = msgspec.json.schema_components
        self._invalid: type[Exception] = msgspec.ValidationError
        from msgspec import inspect  # noqa: PLC0415 - imported only if a type needs it

        try:
            info = inspect.type_info(self._type)
        except (TypeError, NameError, AttributeError) as error:
            raise ConfigurationError(f"{_name(annotation)} cannot be decoded from JSON: {error}") from error
        unknown = _find_unknown(info, inspect.CustomType, set())
        if unknown is not None:
            raise ConfigurationError(
                f"{_name(annotation)} cannot be decoded from JSON: expected dataclasses, TypedDict, NamedTuple, attrs "
                f"classes, msgspec.Struct, or all of it a pydantic model; got {_name(unknown)}."
            )

    def decode(self, data: Any) -> Any:
        try:
            return self._convert(data, self._type, strict=True, str_keys=True)
        except self._invalid as error:
            raise Unfit(_sentence(str(error))) from error

    def encode(self, value: Any) -> Any:
        try:
            data = self._to_builtins(value, str_keys=True)
        except TypeError as error:
            raise Unfit(f"$: expected {_name(self._type)}, got {type(value).__name__}: {error}") from error
        self.decode(data)
        return data

    def schema(self, place: str) -> tuple[Any, dict[str, Any]]:
        try:
            (schema,), parts = self._schemas([self._type], ref_template=place + "{name}")
        except TypeError as error:
            raise ConfigurationError(f"{_name(self._type)} has no JSON Schema: {error}") from error
        return schema, parts


class _Pydantic:
    """A pydantic model, or a type that contains one."""

    def __init__(self, annotation: object, pydantic: ModuleType) -> None:
        try:
            self._adapter = pydantic.TypeAdapter(annotation)
        except pydantic.errors.PydanticUserError as error:
            raise ConfigurationError(f"{_name(annotation)} cannot be decoded from JSON: {error}") from error
        self._invalid: type[Exception] = pydantic.ValidationError
        self._schemaless: type[Exception] = pydantic.errors.PydanticInvalidForJsonSchema
        self._type = annotation

    def decode(self, data: Any) -> Any:
        try:
            return self._adapter.validate_python(data)
        except self._invalid as error:
            if isinstance(data, bytes):
                raise Unfit(_first_fault(error)) from error
        # a strict model takes the text of a time, a UUID or a Decimal only from JSON
        try:
            return self._adapter.validate_json(encode(data))
        except self._invalid as error:
            raise Unfit(_first_fault(error)) from error

    def encode(self, value: Any) -> Any:
        try:
            data = self._adapter.dump_python(value, mode="json", by_alias=True, warnings="error")
        except ValueError as error:
            raise Unfit(f"$: {error}") from error
        self.decode(data)
        return data

    def schema(self, place: str) -> tuple[Any, dict[str, Any]]:
        try:
            schema = self._adapter.json_schema(ref_template=place + "{model}")
        except self._schemaless as error:
            what = str(error).partition("\n")[0].rstrip(".")  # pydantic's address of help follows
            raise ConfigurationError(f"{_name(self._type)} has no JSON Schema: {what}.") from error
        return schema, schema.pop("$defs", {})


def _is_model(part: object, pydantic: ModuleType) -> bool:
    return isinstance(part, type) and (issubclass(part, pydantic.BaseModel) or hasattr(part, "__pydantic_validator__"))


def _parts(annotation: object) -> Iterator[object]:
    """Yield a type and all types that it is made of: those in brackets, and the members of unions."""
    yield get_origin(annotation) or annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def _find_unknown(info: Any, custom: type, seen: set[int]) -> object:
    """Return a class within a description of a type that msgspec leaves to its user; None if there is none."""
    if id(info) in seen:
        return None
    seen.add(id(info))
    if isinstance(info, custom):
        return info.cls  # type: ignore[attr-defined]
    if isinstance(info, tuple | list):
        inner: Sequence[Any] = info
    elif hasattr(info, "__struct_fields__"):
        inner = [getattr(info, name) for name in info.__struct_fields__]
    else:
        return None
    return next((found for one in inner if (found := _find_unknown(one, custom, seen)) is not None), None)


def _sentence(text: str) -> str:
    """Put the path first in the text of an error of msgspec, as in ``$.number: expected int, got str``."""
    found = _AT.fullmatch(text)
    what, path = (found["what"], found["path"]) if found else (text, "$")
    if found and found["key"]:
        path += ", a key"
    return f"{path}: {what[:1].lower()}{what[1:].replace('`', '')}"


def _first_fault(error: Any) -> str:
    """Say the first fault in an error of pydantic, and how many more there are."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in faults[0]["loc"])
    what = str(faults[0]["msg"])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"${path}: {what[:1].lower()}{what[1:]}{more}"


def _is_hashable(thing: object) -> bool:
    try:
        hash(thing)
    except TypeError:
        return False
    return True


def _name(annotation: object) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) and not get_args(annotation) else shown(annotation)
