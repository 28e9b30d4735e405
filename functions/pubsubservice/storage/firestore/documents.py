"""Converts documents to and from Firestore's protocol buffers, and checks their sizes before they are sent.

Uses the raw messages, not proto-plus' wrappers: a commit costs 0.4 ms of CPU instead of 0.7 ms, a look-up of ten documents
2.0 ms instead of 3.0 ms.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]

from pubsubservice.storage.firestore.protos import types
from pubsubservice.storage.port import Doc, Fields, Refused, Value

__all__ = [
    "BatchGetDocumentsRequest", "CommitRequest", "RunQueryRequest", "StructuredQuery", "check_message",
    "field_path", "put_document", "read_document", "stored_bytes", "to_micros", "to_timestamp",
]  # fmt: skip

BatchGetDocumentsRequest = types.BatchGetDocumentsRequest.pb()
CommitRequest = types.CommitRequest.pb()
RunQueryRequest = types.RunQueryRequest.pb()
StructuredQuery = types.StructuredQuery.pb()

#: "maximum size for a document" (https://firebase.google.com/docs/firestore/quotas)
MAX_STORED_BYTES = 1_048_576
#: most bytes of one request message: Google's emulator rejects a larger one with RESOURCE_EXHAUSTED, which would count as
#: Unknown (the cloud accepts 10 MiB)
MAX_MESSAGE_BYTES = 4 * 1_048_576

#: Field with a random number that makes every `update` a change; `Doc.data` omits it. Firestore keeps the update time of a
#: document when a write changes nothing, so that a second `update` with the same condition would succeed too.
REVISION = "_revision"

_SIMPLE_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def to_micros(time: Any) -> int:
    """Return a protobuf Timestamp in integer µs. Cuts nanoseconds off, without a float, which would round."""
    return int(time.seconds) * 1_000_000 + int(time.nanos) // 1_000


def to_timestamp(micros: int) -> Any:
    """Return integer µs as a protobuf Timestamp."""
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1_000)


def field_path(name: str) -> str:
    """Return a field's name as a field mask expects it: quoted with backticks unless it is a plain identifier."""
    if _SIMPLE_FIELD.fullmatch(name):
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def put_document(document: Any, prefix: str, path: str, data: Fields, revision: int | None = None) -> None:
    """Fill a Document message in place.

    Args:
        document: the message to fill
        prefix: ``projects/…/databases/…/documents/``
        revision: value of the revision field; None leaves the field out

    Raises Refused for a document that Firestore cannot store: an integer beyond 64 bits, text that is not Unicode, a
    field of another type than the port's, more than 1 MiB.
    """
    try:
        size = stored_bytes(path, data)
        if size > MAX_STORED_BYTES:
            raise Refused(f"{path} would take {size} bytes; a document has at most {MAX_STORED_BYTES}")
        document.name = prefix + path
        for name, value in data.items():
            _put_value(document.fields[name], value)
    except (ValueError, TypeError) as error:
        raise Refused(f"{path} cannot be stored: {error}") from error
    if revision is not None:
        document.fields[REVISION].integer_value = revision


def stored_bytes(path: str, data: Fields) -> int:
    """Return the stored size of a document in bytes, the revision field included.

    Formula: https://firebase.google.com/docs/firestore/storage-size
    """
    name_bytes = 16 + sum(_text_bytes(segment) for segment in path.split("/"))
    revision_bytes = _text_bytes(REVISION) + 8
    return 32 + name_bytes + revision_bytes + sum(_text_bytes(name) + _value_bytes(data[name]) for name in data)


def read_document(document: Any, prefix: str) -> Doc:
    """Return a Document message as a `Doc`."""
    data = {name: _read_value(value) for name, value in document.fields.items() if name != REVISION}
    path = document.name[len(prefix) :]
    return Doc(path, data, to_micros(document.create_time), to_micros(document.update_time))


def check_message(message: Any) -> None:
    """Raise Refused for a request message that is too large."""
    size = message.ByteSize()
    if size > MAX_MESSAGE_BYTES:
        raise Refused(f"a request message has at most {MAX_MESSAGE_BYTES} bytes; got {size}")


def _put_value(target: Any, value: Value) -> None:
    if isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):  # before int, because every bool is an int
        target.boolean_value = value
    elif isinstance(value, int):
        target.integer_value = value
    elif value is None:
        target.null_value = 0
    else:
        raise TypeError(
            f"the value of a field is expected to be int, str, bytes, bool or None; got {type(value).__name__}"
        )


def _read_value(value: Any) -> Value:
    kind = value.WhichOneof("value_type")
    if kind == "null_value":
        return None
    content: Value = getattr(value, kind)
    return content


def _value_bytes(value: Value) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, str):
        return _text_bytes(value)
    return 8 if type(value) is int else 1


def _text_bytes(text: str) -> int:
    return len(text.encode()) + 1
