"""The cases of the wire from the client's side: it is answered as the cases have it, and sends what they have."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

import pubsubclient
from contract.cases import Case, cases, event_text, fill
from contract.replaying import STORE_TIME_US, Replaying
from pubsubclient import (
    Event,
    InvalidArgument,
    Publisher,
    PublishRefused,
    Service,
    ServiceError,
    Subscriber,
    Topic,
    peek,
)

_KINDS = {
    404: pubsubclient.NotFound,
    409: pubsubclient.Conflict,
    422: pubsubclient.Conflict,
    413: pubsubclient.TooLarge,
}
_TOKEN = re.compile(rf'"{str(STORE_TIME_US)[:7]}\d{{9}}-[A-Za-z0-9_]{{1,64}}"')
_FILES = ("http", "publish", "register", "subscribe", "get_events", "peek")


@pytest.fixture(autouse=True)
def _nothing_in_hand() -> Iterator[None]:
    """What a test leaves unsettled has nowhere to go when all tests end."""
    yield
    from pubsubclient._core import at_exit as _ends

    _ends._holders.clear()


def _service(function: str, answer: Case, method: str | None = None) -> tuple[Service, Replaying]:
    removes = (function, method) == ("register", "DELETE")  # a constructor registers first
    adapter = Replaying(function, answer, method if removes else None)
    return Service("http://service.test", adapter=adapter), adapter


def _call(service: Service, function: str, method: str) -> None:
    """Have the client call a function."""
    if function == "publish":
        Publisher("p", service=service).publish("t", 1)
    elif function == "subscribe":
        subscriber = Subscriber("s", service=service)
        (subscriber.unsubscribe if method == "DELETE" else subscriber.subscribe)("t")
    elif function == "get_events" and method == "GET":
        peek("t", service=service)
    elif function == "get_events":
        Subscriber("s", service=service).get_events()
    elif method == "DELETE":
        Publisher("p", service=service).delete()
    else:
        Publisher("p", service=service)


def _check(error: ServiceError, function: str, answer: Case) -> None:
    assert type(error) is _KINDS.get(answer["status"], ServiceError)
    assert (error.function, error.status, error.code) == (function, answer["status"], answer["code"])
    assert error.detail == "; ".join(answer["says"])
    assert error.extra == answer.get("extra", {})
    assert not error.uncertain


@cases(*_FILES, "events", where=lambda case: case["answer"]["status"] >= 400)
def test_the_client_raises_what_a_refusal_stands_for(case: Case) -> None:
    """By type, with status, code, detail and further members; what a newer token may mend is tried with one."""
    request = case.get("request", {"function": "publish"})
    answer = fill(case["answer"], "u", STORE_TIME_US)
    function, method = request["function"], request.get("method", "POST")
    service, adapter = _service(function, answer, method)
    with pytest.raises(PublishRefused if function == "publish" else ServiceError) as raised:
        _call(service, function, method)
    error = raised.value
    if isinstance(error, PublishRefused):
        assert (error.receipts, [event.data for event in error.events]) == ([None], [1])
        error = error.reason
    _check(error, function, answer)
    calls = adapter.answered
    assert (len(calls) > 1) == (answer["code"] == "older_token")
    assert len(set(calls)) == len(calls)


@cases(*_FILES, where=lambda case: "sdk" in case)
def test_the_client_sends_what_a_case_has_and_returns_its_answer(case: Case) -> None:
    """Where the client has a call for it, by the name in ``sdk``."""
    case = fill(case, "u", STORE_TIME_US)
    request, answer = case["request"], case["answer"]
    service, adapter = _service(request["function"], answer, request.get("method"))
    _SDK[case["sdk"]](service, request["body"], answer["body"])
    method, function, body = adapter.sent[-1]
    assert (method, function) == (request.get("method", "POST"), request["function"])
    assert _comparable(body.decode()) == _comparable(json.dumps(request["body"]))


def _comparable(body: str) -> Any:
    """A request without what differs each time; the client tells `since` whenever it knows it."""
    found = json.loads(_TOKEN.sub('"TOKEN"', body))
    found.pop("since", None)
    return found


def _register(service: Service, body: Case, answer: Case) -> None:
    Publisher(body["publisher"], service=service)


def _register_subscriber(service: Service, body: Case, answer: Case) -> None:
    Subscriber(body["subscriber"], service=service)


def _register_topic(service: Service, body: Case, answer: Case) -> None:
    assert Topic(body["topic"], body["partitions"], body["retention_s"], service=service).name == answer["topic"]


def _delete_subscriber(service: Service, body: Case, answer: Case) -> None:
    Subscriber(body["subscriber"], service=service).delete(force=body.get("force", False))


def _delete_publisher(service: Service, body: Case, answer: Case) -> None:
    Publisher(body["publisher"], service=service).delete()


def _publish(service: Service, body: Case, answer: Case) -> None:
    events = []
    for members in body["events"]:
        attributes = {name: members[name] for name in members if name == "region"}
        data = base64.b64decode(members["data_base64"]) if "data_base64" in members else members.get("data")
        kept = {name: members.get(name) for name in ("id", "type", "time", "subject")}
        events.append(Event(body["topic"], data, attributes=attributes, **kept))
    receipts = Publisher(body["publisher"], service=service).publish(events)
    for receipt, expected in zip(receipts, answer["events"], strict=True):
        assert (receipt.id, receipt.sequence) == (expected["id"], expected["sequence"])
        assert receipt.recordedtime == _moment(expected["recordedtime"])


def _subscribe(service: Service, body: Case, answer: Case) -> None:
    Subscriber(body["subscriber"], service=service).subscribe(
        body["topic"], start=body.get("start"), ack_deadline=body.get("ack_deadline_s")
    )


def _unsubscribe(service: Service, body: Case, answer: Case) -> None:
    Subscriber(body["subscriber"], service=service).unsubscribe(body["topic"])


def _get_events(service: Service, body: Case, answer: Case) -> None:
    events = Subscriber(body["subscriber"], service=service).get_events(body["max_events"])
    assert events.more == answer["more"]
    for event, expected in zip(events, answer["events"], strict=True):
        assert (event.id, event.source, event.type) == (expected["id"], expected["source"], expected["type"])
        assert (event.topic, event.sequence, event.attempt) == (expected["topic"], expected["sequence"], 1)
        assert event.recordedtime == _moment(expected["recordedtime"])
        assert event.data == expected["data"]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


_SDK = {
    "Publisher": _register,
    "Subscriber": _register_subscriber,
    "Subscriber.delete": _delete_subscriber,
    "Publisher.delete": _delete_publisher,
    "Topic": _register_topic,
    "publish": _publish,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "get_events": _get_events,
}


@cases("names")
def test_the_client_takes_the_names_that_the_service_takes(case: Case) -> None:
    """And no other: a bad name fails where it is written, and nothing is sent."""
    service, adapter = _service("register", {"status": 201, "body": {}})
    name = fill(case["value"], "u", 0)
    makers = {"topic": Topic, "publisher": Publisher, "subscriber": Subscriber}
    if case["accepted"]:
        assert makers[case["kind"]](name, service=service).name == name
        return
    with pytest.raises(InvalidArgument):
        makers[case["kind"]](name, service=service)
    assert adapter.sent == []


@cases("events", where=lambda case: case["answer"]["status"] == 200)
def test_the_client_reads_every_event_that_the_service_takes(case: Case) -> None:
    """And publishes it again as it was."""
    sent = json.loads(fill(event_text(case), "", 0))
    added = {"topic": "t", "sequence": f"0000-{0:020d}", "recordedtime": "2026-01-31T12:00:00.000000Z", "attempt": 1}
    answer = {"events": [{**sent, **added}], "lease": "1-a", "until": "2026-01-31T12:00:30.000000Z", "more": False}
    service, _ = _service("get_events", {"status": 200, "body": answer})
    [event] = Subscriber("s", service=service).get_events()
    assert (event.id, event.source, event.subject) == (sent["id"], sent["source"], sent.get("subject"))
    assert (event.time is None) == ("time" not in sent)
    receipt = {"id": event.id, "sequence": event.sequence, "recordedtime": added["recordedtime"]}
    service, adapter = _service("publish", {"status": 200, "body": {"events": [receipt]}})
    Publisher("p", service=service).publish(event)
    [again] = json.loads(adapter.sent[-1][2])["events"]
    assert again == {name: value for name, value in sent.items() if value is not None}
