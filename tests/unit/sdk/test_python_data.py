"""Data of an Event that Python has and JSON has not."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pytest

from pubsubclient import Event, InvalidArgument
from unit.sdk.programs import run_program


class Colour(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    LARGE = 3


class Corner(enum.Enum):
    TOP = (date(2026, 1, 31), 2)


@dataclasses.dataclass
class Line:
    sku: str
    price: Decimal


@dataclasses.dataclass(frozen=True)
class Order:
    number: int
    lines: list[Line]
    at: datetime | None = None


@attrs.define
class Parcel:
    weight: float
    order: Order


_AT = datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (_AT, "2026-01-31T12:00:00+01:00"),
        (datetime(2026, 1, 31, 12, 0, 0, 5), "2026-01-31T12:00:00.000005"),  # noqa: DTZ001 - it comes as it is
        (date(2026, 1, 31), "2026-01-31"),
        (time(12, 30), "12:30:00"),
        (UUID(int=17), "00000000-0000-0000-0000-000000000011"),
        (Decimal("99.50"), "99.50"),
        (Colour.RED, "red"),
        (Size.LARGE, 3),
        (Corner.TOP, ["2026-01-31", 2]),
        ({"a": [{"at": date(2026, 1, 31)}, (Decimal(1),)], "b": "x"}, {"a": [{"at": "2026-01-31"}, ["1"]], "b": "x"}),
        (Order(1, [Line("a", Decimal("0.5"))]), {"number": 1, "lines": [{"sku": "a", "price": "0.5"}], "at": None}),
        ([Parcel(0.5, Order(2, [], _AT))], [{"weight": 0.5, "order": {"number": 2, "lines": [], "at": _AT.isoformat()}}]),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_it_is_sent_in_the_documented_form(data: Any, value: Any) -> None:
    event = Event("orders", data)
    assert json.loads(event.encode("/publishers/shop"))["data"] == value
    assert event.data == data  # as it was given


class Cell:
    pass


@dataclasses.dataclass
class Endless:
    inner: list[Endless]


def endless() -> Endless:
    value = Endless([])
    value.inner += [value, value]
    return value


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"at": _AT, "cell": Cell()}, r"^data\['cell'\]: a Cell is not JSON"),
        (Order(1, [Line("a", Decimal(1)), Line("b", math.nan)]), r"^data\['lines'\]\[1\]\['price'\]: nan is not JSON"),  # type: ignore[arg-type]
        ({_AT: 1}, "^data: a key of type datetime; JSON has only strings for keys"),
        (Order, "^data: a type is not JSON"),
        ([Order], r"^data\[0\]: a type is not JSON"),
        (endless(), "a value that contains itself|Endless is not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_has_no_form_is_refused_with_its_path(data: Any, says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        Event("orders", data)


def test_models_of_pydantic_are_sent_as_their_json() -> None:
    """By alias, so that the same model reads them."""
    pydantic = pytest.importorskip("pydantic")

    class Customer(pydantic.BaseModel):
        name: str = pydantic.Field(alias="customerName")
        since: datetime

    customer = Customer(customerName="Ada", since=_AT)
    data = json.loads(Event("orders", {"customers": [customer]}).encode("/publishers/shop"))["data"]
    assert data == {"customers": [{"customerName": "Ada", "since": "2026-01-31T12:00:00+01:00"}]}
    assert Customer.model_validate(data["customers"][0]) == customer


def test_no_extra_is_needed_and_none_is_imported() -> None:
    """Neither msgspec nor attrs nor pydantic, nor orjson."""
    code = """if True:
        import sys
        for extra in ("msgspec", "attrs", "attr", "pydantic", "orjson"):
            sys.modules[extra] = None
        import dataclasses, datetime, pubsubclient
        @dataclasses.dataclass
        class Order:
            at: datetime.date
        line = pubsubclient.Event("orders", [Order(datetime.date(2026, 1, 31))]).encode("/publishers/shop")
        assert b'"data":[{"at":"2026-01-31"}]' in line, line
        """
    ran = run_program(code, "")
    assert ran.returncode == 0, ran.stderr
