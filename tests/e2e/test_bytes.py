"""Data arrive as they were sent, to the byte."""

from __future__ import annotations

import base64

import pytest

from e2e.serving import Serving
from e2e.wire import Wire
from pubsubclient import Event, Publisher, Service, Subscriber


@pytest.mark.parametrize(
    "data",
    [
        "1e-05",
        "1.0",
        "-0.0",
        "-0",
        "1E5",
        "0.1000000000000000055511151231257827",
        "3.14159265358979323846264338327950288419716939937510582097494459230781640628",
        "9007199254740993",
        "18446744073709551615",
        "-9223372036854775808",
        "1.7976931348623157e308",
        '{"b":1,  "a":[ ] , "b2":{ }}',
        '{"same":1,"same":2}',
        '"\\u00e9\\/\\ud83d\\ude00"',
        '"\u00e9\u6f22\U0001f600\u2028"',
        '"\\n\\t\\u0000\\u007f"',
        '" newline \\\\n and }]} and \\" quote"',
        "null",
        "false",
        '""',
    ],
)
def test_data_keep_their_spelling(wire: Wire, data: str) -> None:
    """Numbers that a parser would change, white space, escapes, the order of members."""
    head = f'"specversion":"1.0","id":"1","source":"/s","type":"t","data":{data}'
    names = f'"topic":"{wire.name("orders")}","publisher":"{wire.name("shop")}"'
    assert wire.ask("publish", f'{{{names},"events":[{{{head}}}]}}'.encode()).status_code == 200
    wire.subscribe("billing", "orders")
    answer = wire.ask("get_events", {"subscriber": wire.name("billing")})
    assert f"{{{head},".encode() in answer.content
    assert len(answer.json()["events"]) == 1


def test_an_event_on_several_lines_arrives_as_one(wire: Wire) -> None:
    """Line breaks between members are white space, wherever they are."""
    event = b'{\r\n"specversion":\n"1.0","id":"1",\r"source":"/s","type":"t",\n"data":[1,\n2]\r\n}'
    names = f'"topic":"{wire.name("orders")}","publisher":"{wire.name("shop")}"'.encode()
    assert wire.ask("publish", b'{%b,"events":[\n%b\n]}' % (names, event)).status_code == 200
    wire.subscribe("billing", "orders")
    assert [event["data"] for event in wire.events("billing")["events"]] == [[1, 2]]


def test_base64_goes_through_as_it_is(wire: Wire) -> None:
    """All bytes there are."""
    encoded = base64.b64encode(bytes(range(256))).decode()
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data_base64": encoded}
    wire.publish("orders", event)
    wire.subscribe("billing", "orders")
    [got] = wire.events("billing")["events"]
    assert (got["data_base64"], "data" in got) == (encoded, False)


def test_the_client_gets_what_the_client_sent(shared: Serving, wire: Wire) -> None:
    """JSON of every kind, bytes, and attributes in any script."""
    values = [
        {"\u043a\u043b\u044e\u0447": ["\u6f22\u5b57", "\U0001f600", None, True, 1.5e-5, 2**64 - 1, -(2**63), {}]},
        bytes(range(256)),
        b"",
        "",
        [],
        0,
        False,
        None,
        "\x00\x1f\x7f\u2028\ufeff",
    ]
    service = Service(shared.url)
    publisher = Publisher(wire.name("shop"), service=service)
    topic = wire.name("orders")
    sent = [Event(topic, value, subject="\u6f22", attributes={"city": "\u00c5rhus", "n": -5}) for value in values]
    publisher.publish(sent)
    with Subscriber(wire.name("billing"), service=service) as subscriber:
        subscriber.subscribe(topic)
        got = subscriber.get_events()
    assert [event.data for event in got] == values
    assert [type(event.data) for event in got] == [type(value) for value in values]
    assert [(event.id, event.time, event.subject, event.attributes) for event in got] == [
        (event.id, event.time, event.subject, event.attributes) for event in sent
    ]
