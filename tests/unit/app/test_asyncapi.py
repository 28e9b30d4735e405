"""An app in AsyncAPI: its topics, messages, schemas and operations, validated by the official schema."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import Any as AnyValue
from typing import Generic, Literal, NamedTuple, TypedDict, TypeVar

import attrs
import msgspec
import pydantic
import pytest
from jsonschema import Draft7Validator

from documents.asyncapi import check, resolve
from pubsubclient import Any, App, ConfigurationError, InvalidArgument, ReceivedEvent, Service, Topic, configure

T = TypeVar("T")


@dataclass
class Address:
    """Where it goes."""

    street: str


@dataclass
class Order:
    """A customer's order."""

    number: int
    amount: Decimal
    to: Address
    lines: list[tuple[int, str]] = field(default_factory=list)
    state: Literal["new", "paid"] = "new"
    before: Order | None = None


class Typed(TypedDict):
    number: int


class Named(NamedTuple):
    number: int


@attrs.define
class Attrs:
    number: int


class Struct(msgspec.Struct):
    number: int


class Model(pydantic.BaseModel):
    number: int
    inner: Inner | None = pydantic.Field(default=None, description="what it holds")


class Inner(pydantic.BaseModel):
    pair: tuple[int, str] = (1, "a")
    again: Inner | None = None


class Page(msgspec.Struct, Generic[T]):
    items: list[T]


Model.model_rebuild()


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: AnyValue) -> AnyValue:
    """No service is named."""
    monkeypatch.delenv("PUBLISH_SUBSCRIBE_SERVICE", raising=False)
    monkeypatch.chdir(tmp_path)
    configure()


def valid(app: App, **info: AnyValue) -> dict[str, AnyValue]:
    """The app's document, which is checked."""
    document = app.asyncapi(**info)
    check(document)
    return document


def test_each_topic_message_and_operation_is_named() -> None:
    receipts: Topic[Address] = Topic("receipts", of=Address)
    app = App("billing", publishes=[Topic("orders", of=Order), "audit"])

    @app.handler(
        Topic("orders", of=Order),
        type="order.placed",
        max_attempts=5,
        backoff=timedelta(seconds=10),
        publish_to=receipts,
    )
    def charge(order: Order) -> Address:
        """Charge an order.

        Once.
        """
        return order.to

    document = valid(app)
    assert {one["address"]: list(one["messages"]) for one in document["channels"].values()} == {
        "audit": ["event"],
        "orders": ["order.placed", "Order"],
        "receipts": ["Address"],
    }
    assert set(document["components"]["schemas"]) == {"CloudEvent", "Order", "Address"}
    name = f"{__name__}.test_each_topic_message_and_operation_is_named._locals_.charge"
    received, answered, published, audited = document["operations"].values()
    assert list(document["operations"]) == [name, f"{name}.answer", "publish.orders", "publish.audit"]
    assert (received["action"], received["summary"], received["description"]) == (
        "receive",
        "Charge an order.",
        "Once.",
    )
    assert received["x-pubsubclient"]["subscriber"] == "billing"
    assert received["x-pubsubclient"]["subscription"] == {
        "filters": [{"exact": {"type": "order.placed"}}],
        "max_attempts": 5,
        "backoff_s": 10,
        "dead_letter_topic": "billing.dead",
    }
    assert [one["action"] for one in (answered, published, audited)] == ["send"] * 3
    assert answered["messages"] == [{"$ref": "#/channels/receipts/messages/Address"}]
    message = document["channels"]["orders"]["messages"]["order.placed"]
    assert message["payload"] == {"$ref": "#/components/schemas/Order"}
    assert message["headers"]["properties"] == {"type": {"const": "order.placed"}}
    assert "servers" not in document


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Order, {"number": 1, "amount": "2.5", "to": {"street": "x"}, "lines": [[1, "a"]]}, {"number": "1"}),
        (Order, {"number": 1, "amount": "2.5", "to": {"street": "x"}, "before": None}, {"lines": [["a", 1]]}),
        (Typed, {"number": 1}, {"number": "1"}),
        (Named, [1], ["1"]),
        (Attrs, {"number": 1}, {}),
        (Struct, {"number": 1}, {}),
        (Page[Struct], {"items": [{"number": 1}]}, {"items": [1]}),
        (Model, {"number": 1, "inner": {"pair": [1, "a"]}}, {"number": 1, "inner": {"pair": ["a", 1]}}),
        (list[Model], [{"number": 1}], [{"number": "x"}]),
        (dict, {}, []),
        (list, [], {}),
        (str, "a", 1),
        (int, 1, 1.5),
        (float, 1, "1"),
        (bool, True, 1),
        (bytes, "AAA=", 1),
        (dict[str, AnyValue], {"a": 1}, 1),
    ],
    ids=str,
)
def test_a_payload_is_what_its_schema_says(kind: AnyValue, good: AnyValue, bad: AnyValue) -> None:
    """Also in draft 7 of JSON Schema, which says otherwise what a tuple is, and ignores what stands beside a reference."""
    app = App("billing", publishes=[Topic("orders", of=kind)])
    document = valid(app)
    (message,) = document["channels"]["orders"]["messages"].values()
    validator = Draft7Validator({**message["payload"], "components": document["components"]})
    assert not list(validator.iter_errors(good))
    assert list(validator.iter_errors(bad))
    assert message.get("contentType") == ("application/octet-stream" if kind is bytes else None)


def test_types_of_one_name_keep_apart_and_one_type_is_there_once() -> None:
    first, second = (msgspec.defstruct("Order", [("number", kind)], module="shop") for kind in (int, str))
    models = [pydantic.create_model("Order", number=(kind, ...)) for kind in (bytes, float)]
    listed = [pydantic.create_model("Page", order=(model, ...)) for model in models]
    kinds = [first, list[first], second, first, *listed]  # type: ignore[valid-type]
    topics = [Topic(f"orders-{number}", of=kind) for number, kind in enumerate(kinds)]
    document = valid(App("billing", publishes=topics))
    schemas = document["components"]["schemas"]
    assert set(schemas) == {"CloudEvent", "Order", "Order_2", "Order_3", "Order_4"}
    found = [next(iter(document["channels"][topic.name]["messages"].values()))["payload"] for topic in topics]
    assert found[0] == found[3] == found[1]["items"] == {"$ref": "#/components/schemas/Order"}
    numbers = [
        resolve(document, f"#/components/schemas/{name}")["properties"]["number"]["type"]
        for name in sorted(schemas)
        if name != "CloudEvent"
    ]
    assert numbers == ["integer", "string", "string", "number"]


def test_an_app_without_anything_has_a_document() -> None:
    document = valid(App("empty"), title="Shop", version="2.0.0", description="Sells.")
    assert document["info"] == {"title": "Shop", "version": "2.0.0", "description": "Sells."}
    assert (document["channels"], document["operations"]) == ({}, {})


def test_names_that_a_reference_would_have_to_escape() -> None:
    """In topics, types and functions; and names that are equal once they are made harmless."""
    app = App("billing~%+", publishes=["a~b", "a%b", "a+b", "a~b", "0"])

    def same(data: dict[str, int]) -> None: ...

    strange = partial(same)
    for topic, type_ in [("a~b", "x/y"), ("a~b", "x{y}"), ("a~b", "$ref"), ("a%b", "~1/"), ("a.*.>", "x"), (Any, "é")]:
        app.handler(topic, type=type_)(same)
    app.handler("a~b", type="z")(strange)
    app.handler("a.*.*")(lambda event: None)
    app.handler("a~b", subscriber="audit")(same)
    app.handler("a~b", subscriber="audit2")(same)
    document = valid(app)
    addresses = [one["address"] for one in document["channels"].values()]
    assert addresses == ["0", "{rest}", "a%b", "a+b", "a.{token1}.{token2}", "a.{token1}.{rest}", "a~b"]
    assert list(document["channels"]) == ["0", "rest", "a_b", "a_b_2", "a.token1.token2", "a.token1.rest", "a_b_3"]
    assert len(document["operations"]) == 10 + 5
    types = {
        message["headers"]["properties"]["type"]["const"]
        for message in document["channels"]["a_b_3"]["messages"].values()
        if "properties" in message["headers"]
    }
    assert types == {"x/y", "x{y}", "$ref", "z"}
    assert document["channels"]["a.token1.rest"]["x-pubsubclient"] == {"pattern": "a.*.>"}


def test_a_handler_of_events_alone_gets_all_messages_of_its_channel() -> None:
    app = App("billing", publishes=[Topic("orders", of=Order)])

    @app.handler("orders")
    def record(event: ReceivedEvent) -> None: ...

    received, _ = valid(app)["operations"].values()
    assert "messages" not in received


def test_data_that_is_a_schema_stays_as_it_is() -> None:
    """Defaults and constants are data, whatever their members are called."""
    model = pydantic.create_model(
        "Rule", data=(dict[str, AnyValue], {"items": 7, "prefixItems": [1]}), prefixItems=(int, 1)
    )
    document = valid(App("billing", publishes=[Topic("rules", of=model)]))
    (message,) = document["channels"]["rules"]["messages"].values()
    assert message["payload"]["properties"]["data"]["default"] == {"items": 7, "prefixItems": [1]}
    assert message["payload"]["properties"]["prefixItems"]["type"] == "integer"


def test_included_apps_and_the_settings_that_handlers_share() -> None:
    part, app = App("returns", publishes=["parcels"]), App("billing")

    @part.handler(
        "orders", type="a", start=datetime(2026, 1, 1, tzinfo=timezone.utc), lane="subject", timeout=5, concurrency=2
    )
    def one(data: AnyValue) -> None: ...

    @app.handler("orders", type="b", dead_letter_topic="lost", ordered=True)
    async def two(data: AnyValue) -> None: ...

    @app.handler("orders", type="c", batch=7)
    def three(data: list[Order]) -> None: ...

    app.include(part)
    second, third, first, sent = valid(app)["operations"].values()
    assert first["x-pubsubclient"]["subscription"] == third["x-pubsubclient"]["subscription"]
    assert second["x-pubsubclient"]["subscription"]["start"] == "2026-01-01T00:00:00Z"
    assert second["x-pubsubclient"]["subscription"]["dead_letter_topic"] == "lost"
    options = {"lane": "subject", "timeout_s": 5.0, "concurrency": 2}
    assert options.items() <= first["x-pubsubclient"]["handler"].items()
    assert third["x-pubsubclient"]["handler"]["batch"] == 7
    assert sent["x-pubsubclient"] == {"publisher": "billing"}


def test_attributes_of_a_topic_are_headers_of_its_messages() -> None:
    topic = Topic("orders", of=bytes, dataschema="https://example.com/order", datacontenttype="image/png")
    (message,) = valid(App("billing", publishes=[topic]))["channels"]["orders"]["messages"].values()
    assert message["contentType"] == "image/png"
    assert message["headers"]["properties"]["dataschema"] == {"const": "https://example.com/order"}


def test_the_service_is_the_server() -> None:
    made = valid(App("billing", service="https://example.com/pubsub/"))["servers"]
    assert made["service"].items() >= {"host": "example.com", "protocol": "https", "pathname": "/pubsub"}.items()
    urls = {
        name: f"https://{name.replace('_', '-')}.example.com:8443"
        for name in ("register", "publish", "subscribe", "get_events")
    }
    made = valid(App("billing", service=Service(urls)))["servers"]
    assert {name: one["host"] for name, one in made.items()} == {
        name: url.removeprefix("https://") for name, url in urls.items()
    }
    configure(service="http://127.0.0.1:8000")
    assert valid(App("billing"))["servers"]["service"]["host"] == "127.0.0.1:8000"
    configure()


def test_a_type_that_cannot_be_described_is_a_mistake_that_is_told() -> None:
    odd = pydantic.create_model("Odd", __config__={"arbitrary_types_allowed": True}, what=(App, ...))
    with pytest.raises(ConfigurationError, match="Odd has no JSON Schema"):
        App("billing", publishes=[Topic("orders", of=odd)]).asyncapi()


@pytest.mark.parametrize("wrong", ["orders", Topic("orders"), ["a b"], [7]], ids=str)
def test_what_an_app_publishes_to_is_checked(wrong: AnyValue) -> None:
    with pytest.raises(InvalidArgument):
        App("billing", publishes=wrong)


def test_the_document_is_the_callers() -> None:
    """Changing it changes no other."""
    app = App("billing", publishes=["a", "b"])
    document = app.asyncapi()
    document["channels"]["a"]["messages"]["event"]["payload"]["x"] = 1
    document["components"]["schemas"]["CloudEvent"]["properties"].clear()
    assert "x" not in document["channels"]["b"]["messages"]["event"]["payload"]
    assert app.asyncapi()["components"]["schemas"]["CloudEvent"]["properties"]


_PROGRAM = """
import dataclasses, json, typing
from pubsubclient import App, Topic
@dataclasses.dataclass
class A:
    x: int | str | None
    y: typing.Literal["c", "b", "a"]
    z: set[int]
app = App("s", publishes=[Topic(name, of=A) for name in {"c", "b", "a"}])
print(json.dumps(app.asyncapi()["channels"]), json.dumps(app.asyncapi()["components"]))
"""


def test_the_same_app_gives_the_same_text_in_every_process() -> None:
    """Whatever order its hashes have there."""
    texts = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1
