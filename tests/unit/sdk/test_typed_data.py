"""Topics whose data has a type: what is published fits it, and what is received is checked."""

from __future__ import annotations

import enum
import json
import pickle
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypedDict
from uuid import UUID

import attrs
import msgspec
import pytest

from pubsubclient import ConfigurationError, Event, InvalidArgument, Topic
from pubsubclient._core.extras import install_command
from pubsubclient._core.typed_data import Unfit, codec_of
from unit.sdk.programs import run_program


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Line:
    sku: str
    count: int = 1


@dataclass
class Order:
    number: int
    amount: float
    lines: list[Line] = field(default_factory=list)
    at: datetime | None = None


class Row(TypedDict):
    number: int
    price: Decimal


class Point(NamedTuple):
    x: int
    y: float


@attrs.define
class Parcel:
    id: UUID
    colour: Colour = Colour.RED


class Placed(msgspec.Struct, tag="placed"):
    number: int


class Cancelled(msgspec.Struct, tag="cancelled"):
    number: int
    why: str = ""


@dataclass
class Tree:
    name: str
    children: list[Tree] = field(default_factory=list)


_AT = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
_ID = UUID(int=17)


def sent(event: Event) -> Any:
    return json.loads(event.encode("/publishers/shop")).get("data")


@pytest.mark.parametrize(
    ("of", "value", "data"),
    [
        (Order, Order(1, 2.5, [Line("a")], _AT),
         {"number": 1, "amount": 2.5, "lines": [{"sku": "a", "count": 1}], "at": "2026-01-31T12:00:00Z"}),
        (Row, {"number": 1, "price": Decimal("0.10")}, {"number": 1, "price": "0.10"}),
        (Point, Point(1, 0.5), [1, 0.5]),
        (Parcel, Parcel(_ID), {"id": str(_ID), "colour": "red"}),
        (Placed, Placed(1), {"type": "placed", "number": 1}),
        (Placed | Cancelled, Cancelled(2, "late"), {"type": "cancelled", "number": 2, "why": "late"}),
        (list[Order], [Order(1, 2.0)], [{"number": 1, "amount": 2.0, "lines": [], "at": None}]),
        (dict[int, Line], {7: Line("a", 2)}, {"7": {"sku": "a", "count": 2}}),
        (Literal["on", "off"], "on", "on"),
        (Annotated[int, msgspec.Meta(ge=1)], 3, 3),
        (Order | None, None, None),
        (date, date(2026, 1, 31), "2026-01-31"),
        (Tree, Tree("a", [Tree("b")]), {"name": "a", "children": [{"name": "b", "children": []}]}),
        (dict, {"any": ["thing"]}, {"any": ["thing"]}),
        (dict[str, Any], {"any": 1}, {"any": 1}),
        (list, [1, "x"], [1, "x"]),
        (str, "x", "x"), (int, 3, 3), (float, 0.5, 0.5), (bool, True, True),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_value_goes_out_as_json_and_comes_back_as_it_was(of: Any, value: Any, data: Any) -> None:
    """Every kind of type."""
    event = Event(Topic("orders", of=of), value)
    assert (sent(event) if "data" in json.loads(event.encode("/p")) else None) == data
    codec = codec_of(of)
    assert codec is not None
    back = codec.decode(data)
    assert (back, type(back)) == (value, type(value))


def test_bytes_go_out_as_base64() -> None:
    event = Event(Topic("images", of=bytes, datacontenttype="image/png"), b"\x89PNG")
    body = json.loads(event.encode("/publishers/shop"))
    assert (body["data_base64"], body["datacontenttype"]) == ("iVBORw==", "image/png")


@pytest.mark.parametrize(
    ("of", "data", "says"),
    [
        (Order, {"number": "1", "amount": 2.0}, "$.number: expected int, got str"),
        (Order, {"number": 1, "amount": 2, "lines": [{"sku": "a"}, {"sku": 7}]}, "$.lines[1].sku: expected str, got int"),
        (Order, {"number": 1}, "$: object missing required field amount"),
        (Order, None, "$: expected object, got null"),
        (Order, b"bytes", "$: expected object, got bytes"),
        (Order, {"number": 1, "amount": 2.0, "at": "soon"}, "$.at: invalid RFC3339 encoded datetime"),
        (dict[int, str], {"x": "y"}, "$, a key: expected int, got str"),
        (Literal["on", "off"], "up", "$: invalid enum value 'up'"),
        (Placed | Cancelled, {"type": "lost"}, "$.type: invalid value 'lost'"),
        (list[Line], [{"sku": "a", "count": True}], "$[0].count: expected int, got bool"),
        (dict, [1], "$: expected object, got array"),
        (dict, None, "$: expected object, got null"),
        (list, {}, "$: expected array, got object"),
        (bytes, "text", "$: expected bytes, got str"),
        (str, b"bytes", "$: expected str, got bytes"),
        (int, True, "$: expected int, got bool"),
        (int, 1.5, "$: expected int, got float"),
        (bool, 1, "$: expected bool, got int"),
        (float, "1.5", "$: expected float, got str"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_path_of_the_fault(of: Any, data: Any, says: str) -> None:
    """When it is received, and when it is published."""
    codec = codec_of(of)
    assert codec is not None
    with pytest.raises(Unfit) as fault:
        codec.decode(data)
    assert str(fault.value).startswith(says)
    with pytest.raises(InvalidArgument) as refused:
        Event(Topic("orders", of=of), data)
    assert "Topic('orders')" in str(refused.value)
    assert says.partition(":")[0] + ":" in str(refused.value)


def test_unknown_members_are_ignored_and_missing_ones_take_their_defaults() -> None:
    """So producers can be deployed first, or consumers."""
    codec = codec_of(Order)
    assert codec is not None
    assert codec.decode({"number": 1, "amount": 2, "currency": "EUR"}) == Order(1, 2.0)


def test_a_float_may_be_written_as_an_integer() -> None:
    codec = codec_of(float)
    assert codec is not None
    assert repr(codec.decode(2)) == "2.0"


def test_a_dataclass_with_a_wrong_field_is_not_published() -> None:
    """Python itself does not check the types of fields."""
    orders = Topic("orders", of=Order)
    with pytest.raises(
        InvalidArgument, match=r"The data does not fit Topic\('orders'\), .*Order.*: \$\.amount: expected float"
    ):
        Event(orders, Order(1, "2.0"))  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match=r"\$: expected Order, got object: "):
        Event(orders, object())  # type: ignore[call-overload]
    with pytest.raises(InvalidArgument, match=r"data\['amount'\]: nan is not JSON"):
        Event(orders, Order(1, float("nan")))


def test_a_type_that_takes_everything_checks_nothing() -> None:
    assert codec_of(Any) is codec_of(object) is None
    assert sent(Event(Topic("orders", of=Any), [1])) == [1]


class Foreign:
    pass


@dataclass
class Holder:
    foreign: Foreign


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (Foreign, "Foreign cannot be decoded from JSON: expected dataclasses, TypedDict.*; got Foreign"),
        (Holder, "Holder cannot be decoded from JSON: .*; got Foreign"),
        (dict[str, list[Foreign]], "cannot be decoded from JSON: .*; got Foreign"),
        (Order | Line, "cannot be decoded from JSON: Type unions may not contain more than one dataclass"),
        (7, "7 cannot be decoded from JSON"),
        ("Order", "'Order' cannot be decoded from JSON"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_type_that_cannot_be_decoded_is_refused_where_it_is_declared(of: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Topic("orders", of=of)


def test_without_msgspec_the_error_names_the_extra() -> None:
    """What needs no extra works; what needs it says so where it is declared."""
    code = """if True:
        import sys
        sys.modules["msgspec"] = None
        from dataclasses import dataclass
        from pubsubclient import ConfigurationError, Event, Topic
        @dataclass
        class Order:
            number: int
        Event(Topic("orders", of=dict), {"number": 1})
        try:
            Topic("orders", of=Order)
        except ConfigurationError as error:
            print(error)
        """
    ran = run_program(code, "")
    assert ran.stderr == ""
    assert ran.stdout == f"Order needs msgspec to be decoded: {install_command('typed')}\n"


def test_a_topic_with_a_type_is_the_topic_of_its_name_and_can_be_pickled() -> None:
    """A copy still checks."""
    orders = Topic("orders", of=Order, dataschema="https://example.com/order.json")
    copy = pickle.loads(pickle.dumps(orders))
    assert copy == orders == Topic("orders")
    assert (copy.of, copy.attributes) == (Order, {"dataschema": "https://example.com/order.json"})
    with pytest.raises(InvalidArgument, match="expected int"):
        Event(copy, {"number": "x", "amount": 1.0})


def test_attributes_of_the_event_win_over_those_of_the_topic() -> None:
    topic = Topic("orders", dataschema="https://example.com/1")
    assert Event(topic, 1).attributes == {"dataschema": "https://example.com/1"}
    assert Event(topic, 1, attributes={"dataschema": "https://example.com/2", "region": "eu"}).attributes == {
        "dataschema": "https://example.com/2", "region": "eu",
    }  # fmt: skip
    with pytest.raises(InvalidArgument, match="dataschema"):
        Topic("orders", dataschema="")


def test_models_of_pydantic_are_checked_by_pydantic() -> None:
    """Alone, and inside other types; a strict model too."""
    pydantic = pytest.importorskip("pydantic")

    class Customer(pydantic.BaseModel):
        name: str
        since: datetime

    class Strict(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(strict=True)
        id: UUID
        number: int = 0

    ada = Customer(name="Ada", since=_AT)
    for of, value in ((Customer, ada), (list[Customer], [ada]), (dict[str, Strict], {"a": Strict(id=_ID)})):
        codec = codec_of(of)
        assert codec is not None
        assert codec.decode(sent(Event(Topic("customers", of=of), value))) == value
    codec = codec_of(list[Strict])
    assert codec is not None
    with pytest.raises(Unfit) as fault:
        codec.decode([{"id": str(_ID)}, {"id": 1, "number": "7"}])
    assert str(fault.value).startswith("$[1].id: ")
    assert str(fault.value).endswith(" (and 1 more)")
    ada.since = "soon"
    with pytest.raises(InvalidArgument, match="since"):
        Event(Topic("customers", of=Customer), ada)
    with pytest.raises(Unfit, match=r"^\$: input should be"):
        codec.decode(b"bytes")
