"""Both codecs, in one run: they accept and refuse the same, and what they write is equal when parsed."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import gc
import json
import uuid
from collections import OrderedDict, namedtuple
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pubsubclient import Event
from pubsubclient._core import json as _json
from pubsubclient._core import json_orjson as _json_fast
from pubsubclient._core import json_stdlib as _json_standard
from unit.sdk.programs import run_program

CODECS = pytest.mark.parametrize("codec", [_json_standard, _json_fast], ids=["standard", "fast"])


class _Text(str):
    __slots__ = ()


class _Number(enum.IntEnum):
    ONE = 1


class _Colour(enum.Enum):
    RED = "red"


class _Word(str, enum.Enum):
    YES = "yes"


class _Map(dict[str, Any]):
    pass


class _Float(float):
    pass


_Point = namedtuple("_Point", "x y")


@dataclasses.dataclass
class _Record:
    x: int = 1


def _nested(levels: int, *, by: str = "list") -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if by == "list" else {"a": value}
    return value


_CIRCLE: list[Any] = []
_CIRCLE.append(_CIRCLE)

DATA = [
    None, True, False, 0, -1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 2**70,
    0.0, -0.0, 1.5, 1e-05, 1e16, 1e22, 1.7976931348623157e308, 5e-324, float("nan"), float("inf"), -float("inf"),
    "", "a", "é", "\x00\x1f\x7f\u2028", '"\\/', "\U0001f600", "\ud800", "a\udfffb", "\ud83d\ude00",
    [], {}, (), [1, "a", None, 2.5], (1, (2,)), {"a": {"b": [1, {"c": None}]}}, {"": 1, "é": 2, "\ud800": 3},
    {1: "x"}, {None: 1}, {True: 1}, {1.5: 1}, {(1,): 1}, {"a": {2: 3}}, {"a": [1, float("nan")]}, {"a": [2**64]},
    [{"deep": ["\ud800"]}], b"bytes", [b"bytes"], bytearray(b"x"), {1, 2}, object, [object], 1j, decimal.Decimal(1),
    datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc), datetime.date(2026, 1, 1), datetime.time(1),
    [datetime.timedelta(1)],
    uuid.UUID(int=1), [uuid.UUID(int=1)], {"a": uuid.UUID(int=1)}, {uuid.UUID(int=1): 1}, _Record(), [_Record()],
    _Text("a"), {"k": _Text("\ud800")}, {_Text("a"): 1}, _Number.ONE, [_Number.ONE], {_Number.ONE: 1}, _Colour.RED,
    [_Colour.RED], _Word.YES, {_Word.YES: _Word.YES}, _Map(a=1), {"m": _Map(a=_Map())}, OrderedDict(b=1, a=2),
    _Float(1.5), _Float("nan"), [_Float("inf")], _Point(1, 2), [_Point(1, _Point(2, 3))], SimpleNamespace(a=1),
    iter([1]), range(3), {"a": 1}.keys(), _nested(62), _nested(63), _nested(64), _nested(63, by="dict"),
    _nested(64, by="dict"), _nested(300), {"a": _nested(62)}, {"a": _nested(63)}, _CIRCLE, ["x" * 100_000],
    {f"{n}": n for n in range(1000)}, json.loads('{"a": 1.0e2, "b": [true, false, null]}'),
]  # fmt: skip


def _outcome(call: Any, value: Any) -> Any:
    """What came of a call: a result, or an exception with its type and message."""
    try:
        return call(value)
    except Exception as error:
        return type(error), str(error)


def _parsed(outcome: Any) -> Any:
    """What bytes stand for, told apart by type: 1, 1.0 and True are not the same."""
    return repr(json.loads(outcome)) if isinstance(outcome, bytes) else outcome


@pytest.mark.parametrize("value", DATA, ids=lambda value: repr(value).partition(" at 0x")[0][:40])
def test_data_is_accepted_or_refused_alike(value: Any) -> None:
    """With the same exception, message and place; as a whole, and within something."""
    for data in (value, [value], {"a": {"b": value}}):
        standard = _outcome(_json_standard.encode_data, data)
        fast = _outcome(_json_fast.encode_data, data)
        assert _parsed(fast) == _parsed(standard)


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": [True, None, 1.5], "c": ("x", "y"), "d": {"é": []}},
        {"key": _Text("a"), "n": _Number.ONE, "w": _Word.YES},
        {_Text("key"): 1},
        {"p": _Point(1, 2), "f": _Float(1.5)},
        {"big": 2**70},
        {"d": decimal.Decimal(1)},
        {"surrogate": "\ud800"},
        {"bytes": b"x"},
    ],
    ids=repr,
)
def test_our_own_values_are_encoded_alike(value: Any) -> None:
    """Heads of requests and events."""
    assert _parsed(_outcome(_json_fast.encode, value)) == _parsed(_outcome(_json_standard.encode, value))


TEXTS = [
    b"1", b"-0", b"-0.0", b"1.0", b"1E5", b"1e400", b"-1e400", b"1e-400", b"9223372036854775807", b"9223372036854775808",
    b"18446744073709551615", b"-9223372036854775808", b"NaN", b"Infinity", b"-Infinity", b"01", b"1.", b".5", b"+1", b"0x1",
    b"true", b"True", b"null", b"nul", b"", b" ", b"\n[1 , 2]\t", b"1 2", b"[1,]", b'{"a":1,}', b'{"a":1,"a":2}', b"{a:1}",
    b"{'a':1}", b'{"a"}', b"[", b"]", b'"', b'"abc', b'"\\u00e9\\n"', b'"\\ud83d\\ude00"', b'"\\ud800"', b'"\\udc00x"',
    b'"\\x"', b'"\\u12"', b'"\xc3\xa9"', b'"\xff"', b'"\xed\xa0\x80"', b'"\x00"', b'"\x1f"', b'"\x7f"', b'"\t"',
    b"\xef\xbb\xbf1", "1".encode("utf-16"), b"\x00", b"[" * 100_000, b"[" * 500 + b"]" * 500, b'{"a":' * 64 + b"1" + b"}" * 64,
    b"// c\n1",
    b"<html>", b'{"events": [{"data": 1.5, "sequence": "0000-00000000000000000001"}], "more": false}',
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text)[:40])
def test_text_is_decoded_alike(text: bytes) -> None:
    """With the same exception where it is not JSON."""
    assert repr(_outcome(_json_fast.decode, text)) == repr(_outcome(_json_standard.decode, text))


@CODECS
def test_what_is_encoded_comes_back(codec: ModuleType) -> None:
    """By either."""
    value = {"a": [1, 2.5, "é", None, True, {"b": []}], "z": 2**64 - 1}
    for encoded in (codec.encode(value), codec.encode_data(value)):
        assert _json_standard.decode(encoded) == _json_fast.decode(encoded) == value


@CODECS
@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("text", [b"[" + b"1," * 50_000 + b"1]", b"[" + b"1," * 50_000])
def test_garbage_is_not_collected_while_a_large_answer_is_decoded(
    codec: ModuleType, enabled: bool, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Afterwards it is as it was, also when the text was no JSON."""
    seen = []

    def decode(text: bytes) -> Any:
        seen.append(gc.isenabled())
        return codec.decode(text)

    monkeypatch.setattr(_json, "_codec", SimpleNamespace(decode=decode))
    if not enabled:
        gc.disable()
    try:
        _outcome(_json.decode, text)
        assert gc.isenabled() == enabled
        assert _json.decode(b"[1]") == [1]
    finally:
        gc.enable()
    assert seen == [False, enabled]


def test_orjson_is_used_where_it_is_installed() -> None:
    """And does not change what an event is."""
    assert _json._codec is _json_fast
    assert json.loads(Event("orders", {"a": 1e16}, id="7").encode("/publishers/shop"))["data"] == {"a": 1e16}


def test_without_orjson_the_standard_library_does_it() -> None:
    """It is not needed."""
    code = (
        "import sys; sys.modules['orjson'] = None\n"
        "from pubsubclient import Event\n"
        "from pubsubclient._core import json as _json, json_stdlib as _json_standard\n"
        "assert _json._codec is _json_standard\n"
        "assert Event('orders', [1], id='7').encode('/p').endswith(b',\"data\":[1]}')"
    )
    ran = run_program(code, "")
    assert ran.returncode == 0, ran.stderr
