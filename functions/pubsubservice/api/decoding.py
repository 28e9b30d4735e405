"""Decodes the JSON of requests into typed records, and turns what does not fit into clear errors; encodes responses."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from pubsubservice.core.problems import BadRequest
from pubsubservice.events.json_limits import check_utf8

__all__ = ["MAX_BODY_BYTES", "check_range", "decode", "decode_envelope", "encode"]

#: bytes of a request's body
MAX_BODY_BYTES = 4 * 1024 * 1024

_Body = TypeVar("_Body")
_encoder = msgspec.json.Encoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_JSON_WORDS = {"int": "integer", "str": "string", "bool": "boolean", "float": "number"}
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$(.*)`)?", re.DOTALL)


def decode(kind: type[_Body], body: bytes) -> _Body:
    """Decode a request's JSON. Raises BadRequest, which tells what was wrong and what is expected."""
    check_utf8(body)
    return decode_envelope(kind, body)


def decode_envelope(kind: type[_Body], body: bytes) -> _Body:
    """Decode a request as `decode` does, except that values of type `msgspec.Raw` may hold bytes that are not UTF-8.

    The decoder skips such values. For a publish they are nearly the whole request, and `decode_events` checks them.
    """
    try:
        decoder = _decoders.get(kind) or _decoders.setdefault(kind, msgspec.json.Decoder(kind))
        decoded: _Body = decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        check_utf8(body)  # bytes that are not UTF-8 are named first, whatever else is wrong
        raise _refusal(kind, e) from e
    return decoded


def _refusal(kind: type[Any], error: Exception) -> BadRequest:
    """Return the problem of a request that the decoder refused."""
    if isinstance(error, msgspec.ValidationError):
        unknown = _UNKNOWN_FIELD.fullmatch(str(error))
        if unknown:
            fields = ", ".join(kind.__struct_fields__) or "none"
            where = f" in {unknown[2].lstrip('.')}" if unknown[2] else f"; the fields of this call are: {fields}"
            return BadRequest("unknown_field", f"The field {unknown[1]!r} is not known{where}.")
        return BadRequest("invalid_request", f"{_expected(error)}.")
    if isinstance(error, RecursionError):
        return BadRequest("too_deep", "The body is nested too deeply; at most 64 levels are expected.")
    return BadRequest("invalid_json", f"The body is expected to be a JSON object: {error}.")


def check_range(field: str, value: float, low: int, high: int) -> None:
    """Raise BadRequest for a number outside of low to high."""
    if not low <= value <= high:
        raise BadRequest("invalid_request", f"{field}: {low} to {high} is expected; got {value}.")


def _expected(error: msgspec.ValidationError) -> str:
    """Reword a validation error of msgspec: first the path, then what is expected there, with JSON's names of types."""
    text, _, where = str(error).partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    text = re.sub(r"`(int|str|bool|float)\b", lambda kind: "`" + _JSON_WORDS[kind[1]], text)
    return f"{path}: {text[0].lower()}{text[1:]}" if path else text


def encode(value: object) -> bytes:
    """Encode a response without events as JSON."""
    return _encoder.encode(value)
