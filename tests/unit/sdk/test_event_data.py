"""What data an Event may have."""

from __future__ import annotations

import enum
import json
import math
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubsubclient import Event, InvalidArgument

SOURCE = "/publishers/shop"


def sent(event: Event) -> Any:
    return json.loads(event.encode(SOURCE))


@pytest.mark.parametrize("data", [b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")])
def test_bytes_are_sent_as_base64(data: bytes) -> None:
    """Of any kind."""
    event = Event("orders", data)
    assert sent(event)["data_base64"] == "AP8="
    assert "data" not in sent(event)
    assert event.data == b"\x00\xff"


def test_an_event_without_data_has_no_such_member() -> None:
    """None is no data."""
    assert not {"data", "data_base64"} & set(sent(Event("orders", None)))


def test_data_is_taken_when_the_event_is_made() -> None:
    """So that what is tried again is what was tried."""
    data = {"n": 1}
    event = Event("orders", data)
    data["n"] = 2
    assert sent(event)["data"] == {"n": 1}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def circular() -> Any:
    value: list[Any] = []
    value.append(value)
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"a": [1, {"b": math.nan}]}, r"^data\['a'\]\[1\]\['b'\]: nan is not JSON"),
        ([-math.inf], r"^data\[0\]: -inf is not JSON"),
        ({"a": {1, 2}}, r"^data\['a'\]: a set is not JSON; expected dict, list"),
        ({"a": b"bytes"}, r"^data\['a'\]: a bytes is not JSON"),
        (timedelta(1), "^data: a timedelta is not JSON"),
        ({"at": date(2026, 1, 31), "a": {1, 2}}, r"^data\['a'\]: a set is not JSON"),
        ({"a": {1: "x"}}, r"^data\['a'\]: a key of type int; JSON has only strings for keys"),
        ({None: "x"}, "^data: a key of type NoneType"),
        ([2**64], r"^data\[0\]: an integer that does not fit 64 bits"),
        ([-(2**63) - 1], "does not fit 64 bits"),
        (nested(64), "more than 63 levels of nesting"),
        (nested(5000), "more than 63 levels of nesting"),
        (circular(), "or a value that contains itself"),
        ({"a": "x\ud800"}, "^data: U.D800, after '.*x', is a lone surrogate"),
        ({"\udfff": 1}, "is a lone surrogate"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else type(value).__name__,
)
def test_what_is_not_json_is_refused_when_the_event_is_made(data: Any, says: str) -> None:
    """Naming the place."""
    with pytest.raises(InvalidArgument, match=says):
        Event("orders", data)


class Colour(str, enum.Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: float


@pytest.mark.parametrize(
    ("data", "json_value"),
    [
        (nested(63), nested(63)),
        ([2**64 - 1, -(2**63)], [2**64 - 1, -(2**63)]),
        ((1, (2,)), [1, [2]]),
        ({"c": Colour.RED, "p": Point(1, 0.5)}, {"c": "red", "p": [1, 0.5]}),
        (False, False),
        (0, 0),
        ("", ""),
        ("\x00 \U0001f600", "\x00 \U0001f600"),
    ],
    ids=repr,
)
def test_everything_that_json_can_say_is_sent(data: Any, json_value: Any) -> None:
    """Tuples as arrays, enumerations by their values."""
    assert sent(Event("orders", data))["data"] == json_value


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(json_values)
def test_any_json_value_arrives_as_it_was(data: Any) -> None:
    """Whatever it is made of."""
    assert sent(Event("orders", data)).get("data") == data


def test_an_event_of_more_than_900000_bytes_is_refused() -> None:
    """When it is published, with its size."""
    event = Event("orders", "x" * 900_000, id="7")
    with pytest.raises(InvalidArgument, match=r"The event 7 is 9\d{5} bytes of JSON; at most 900000"):
        event.encode(SOURCE)
