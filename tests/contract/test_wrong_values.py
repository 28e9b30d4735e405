"""Values that no field may have: each is refused with what was expected, and none ends in a failure of the service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contract.cases import fill
from e2e.wire import Wire, cloudevent
from pubsub_emulator.openapi.document import BODIES

EMPTY: dict[str, Any] = {"an object": {}, "a text": "", "zero": 0, "false": False, "an array": [], "null": None}

#: a request of each kind that is taken, with every field there is
REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "RegisterBody": ("POST", "register", {"topic": "{unique}-t", "partitions": 1, "retention_s": 604_800, "update": True}),
    "PublishBody": (
        "POST",
        "publish",
        {
            "topic": "{unique}-t",
            "publisher": "{unique}-p",
            "events": [{"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}],
            "since": 1,
            "delay_s": 0.5,
            "far": True,
        },
    ),
    "SubscribeBody": (
        "POST",
        "subscribe",
        {
            "subscriber": "{unique}-s",
            "topic": "{unique}-t",
            "start": "earliest",
            "seek": "earliest",
            "filters": [{"exact": {"type": "t"}}],
            "ack_deadline_s": 30,
            "max_attempts": 5,
            "backoff_s": 0.5,
            "dead_letter_topic": "{unique}-d",
            "ordered": True,
            "token": "{time}-a",
            "create": True,
        },
    ),
    "UnsubscribeBody": (
        "DELETE", "subscribe", {"subscriber": "{unique}-s", "topic": "{unique}-t", "token": "{time}-b"},
    ),
    "GetEventsBody": (
        "POST",
        "get_events",
        {
            "subscriber": "{unique}-s",
            "lease": "{time}-c",
            "max_events": 1,
            "wait_s": 0.5,
            "wake": True,
            "ack": [{"lease": "{time}-d"}],
            "nack": [{"lease": "{time}-d"}],
            "extend": [{"lease": "{time}-d"}],
            "release": [{"lease": "{time}-d"}],
        },
    ),
    "ExpireBody": ("POST", "expire", {}),
    "RemoveBody": ("DELETE", "register", {"subscriber": "{unique}-s", "token": "{time}-a", "force": True}),
}  # fmt: skip
#: what a settlement says, by its verb
SETTLEMENTS = {
    "ack": {"events": [["t", "0000-00000000000000000000"]]},
    "nack": {"events": [["t", "0000-00000000000000000000"]], "delay_s": 0.5, "reason": "r", "dead": False},
    "extend": {"events": [["t", "0000-00000000000000000000"]], "seconds": 1},
    "release": {"events": [["t", "0000-00000000000000000000"]], "delay_s": 0.5},
}
#: which of them a field may have: they mean something there
TAKEN = {
    "since": {"zero"}, "delay_s": {"zero"}, "far": {"false"}, "force": {"false"},
    "partitions": {"null"}, "retention_s": {"null"},
    "start": {"an array", "null"}, "seek": {"an array", "null"}, "filters": {"an array", "null"},
    "ack_deadline_s": {"null"}, "max_attempts": {"null"}, "backoff_s": {"zero", "null"}, "dead_letter_topic": {"null"},
    "ordered": {"false", "null"},
    "wake": {"false"},
    "create": {"false"}, "update": {"false"}, "token": {"null"}, "lease": {"null"}, "max_events": {"zero"}, "wait_s": {"zero"},
    "ack": {"an array"}, "nack": {"an array"}, "extend": {"an array"}, "release": {"an array"},
    "ack.events": {"an array", "null"}, "nack.events": {"an array", "null"}, "extend.events": {"an array", "null"},
    "release.events": {"an array", "null"}, "release.delay_s": {"zero"}, "nack.delay_s": {"zero", "null"},
    "nack.reason": {"a text"}, "nack.dead": {"false"}, "extend.seconds": {"null"},
}  # fmt: skip


def _fields() -> list[Any]:
    """(kind of request, field, verb of the settlement that has it) of all fields."""
    fields = [(kind, field, None) for kind, (_, _, body) in REQUESTS.items() for field in body]
    fields += [("GetEventsBody", field, verb) for verb, said in SETTLEMENTS.items() for field in ("lease", *said)]
    return [pytest.param(*each, id=".".join(filter(None, (each[0], each[2], each[1])))) for each in fields]


def test_the_table_has_every_field() -> None:
    """A new one is to be put there."""
    kinds = {body.__name__: set(body.__struct_fields__) for body in BODIES}
    kinds["RegisterBody"] -= {"publisher", "subscriber"}  # names like the topic's, and only one of the three
    kinds["RegisterBody"] -= {"id", "source"}  # see below
    kinds["SubscribeBody"] -= {"redrive"}  # see below
    kinds["RemoveBody"] -= {"publisher"}
    assert {kind: set(body) for kind, (_, _, body) in REQUESTS.items()} == kinds


@pytest.mark.parametrize(("kind", "field", "verb"), _fields())
def test_an_empty_value_of_the_wrong_kind_is_refused(wire: Wire, kind: str, field: str, verb: str | None) -> None:
    """With the field's name; it never counts as if the field were absent."""
    method, function, body = REQUESTS[kind]
    wire.subscribe("s", "t")
    for name, value in EMPTY.items():
        request = {**fill(body, wire.unique, wire.store_time)}
        if verb:
            settlement = {"lease": wire.token(), **SETTLEMENTS[verb], field: value}
            request = {"subscriber": wire.name("s"), verb: [settlement]}
        else:
            request[field] = value
        if name in TAKEN.get(f"{verb}.{field}" if verb else field, ()):
            continue
        answer = wire.ask(function, request, method=method)
        assert answer.status_code == 400, (name, answer.text)
        problem = answer.json()
        assert field in problem["detail"] or problem["code"] == "invalid_name", (name, problem)
        state = wire.get("register", subscriber=wire.name("s"))["subscriptions"]
        assert [(each["topic"], each["max_attempts"]) for each in state] == [(wire.name("t"), 5)]


@pytest.mark.parametrize(
    ("field", "taken"), [("redrive", {"an object", "null"}), ("filters", {"an array", "null"}), ("max_events", set())]
)
def test_an_empty_value_of_the_wrong_kind_redrives_nothing(wire: Wire, field: str, taken: set[str]) -> None:
    """With the field's name; null in place of a redrive is none."""
    wire.subscribe("s", "t")
    for name, value in EMPTY.items():
        redrive = value if field == "redrive" else {field: value}
        request = {"subscriber": wire.name("s"), "topic": wire.name("t"), "redrive": redrive}
        answer = wire.ask("subscribe", request)
        assert answer.status_code == (200 if name in taken else 400), (name, answer.text)
        assert answer.status_code == 200 or field in answer.json()["detail"]


@pytest.mark.parametrize("field", ["subscriber", "topic", "id", "source"])
def test_an_empty_value_of_the_wrong_kind_explains_nothing(wire: Wire, field: str) -> None:
    """Nor does it register anything."""
    wire.subscribe("s", "t")
    wire.publish("t", cloudevent(id="1", source="/s"))
    request = {"subscriber": wire.name("s"), "topic": wire.name("t"), "id": "1", "source": "/s"}
    assert wire.ok("register", request)["state"] == "not_read"
    for name, value in EMPTY.items():
        answer = wire.ask("register", {**request, field: value})
        if (field, name) != ("source", "null"):
            assert answer.status_code == 400, (name, answer.text)


NUMBERS = ["1e400", "-1e400", "1e308", "-1", "9223372036854775808", "1" + "0" * 5_000, "NaN", "Infinity"]
TEXTS = [
    r'"\ud800"', r'"a\udce9"', r'"\u0000"', r'"\uffff"', '"' + "x" * 100_000 + '"', '"999999999999999999-a"',
    '"9999-12-31T23:59:60-23:59"', '"0000-01-01T00:00:00Z"', '"0000-99999999999999999999"',
]  # fmt: skip
NESTED = [
    "[" * 100_000, '{"a":' * 500 + "1" + "}" * 500, '["0000-99999999999999999999"]', '[["a","b"]]', "[{}]", "[null]",
    r'[{"exact":{"a":"\ud800"}}]', r'[{"exact":{"\udce9":"a"}}]',
]  # fmt: skip


@pytest.mark.parametrize(("kind", "field", "verb"), _fields())
def test_no_value_makes_the_service_fail(wire: Wire, kind: str, field: str, verb: str | None) -> None:
    """Numbers beyond any type, lone surrogates, times at the end of the calendar, nesting."""
    method, function, body = REQUESTS[kind]
    wire.subscribe("s", "t")
    for value in (*NUMBERS, *TEXTS, *NESTED):
        request = {**fill(body, wire.unique, wire.store_time)}
        if verb:
            settlement = {"lease": wire.token(), **SETTLEMENTS[verb], field: "VALUE"}
            request = {"subscriber": wire.name("s"), verb: [settlement]}
        else:
            request[field] = "VALUE"
        text = json.dumps(request).replace('"VALUE"', value)
        answer = wire.ask(function, text.encode(), method=method)
        assert answer.status_code < 500, (value[:100], answer.text)


@pytest.mark.parametrize("value", ["0", "1001", "1e3", "00000000119999999999999999999999", "1" * 5_000, "-1", "٣", ""])
def test_a_page_of_names_has_1_to_1000(wire: Wire, value: str) -> None:
    """However its size is written."""
    answer = wire.ask(f"register?topic=&page_size={value}", b"", method="GET")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "page_size: 1 to 1000" in answer.json()["detail"]
