"""The cases of the wire from the service's side: each is sent to the emulator over HTTP."""

from __future__ import annotations

import re
from typing import Any

import requests

from contract.cases import Case, body_of, cases, event_text, fill, matches
from e2e.wire import Wire

_TITLES = {
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
}


def send(wire: Wire, request: Case) -> requests.Response:
    query = f"?{request['query']}" if "query" in request else ""
    return wire.ask(
        request["function"] + query,
        body_of(request),
        method=request.get("method", "POST"),
        headers=request.get("headers"),
    )


def check(answer: requests.Response, expected: Case) -> None:
    assert answer.status_code == expected["status"], answer.text
    if expected["status"] == 204:
        assert answer.content == b""
    elif expected["status"] < 300:
        assert answer.headers["Content-Type"] == "application/json"
        assert matches(answer.json(), expected["body"]), (answer.json(), expected["body"])
    else:
        _check_refusal(answer, expected)


def _check_refusal(answer: requests.Response, expected: Case) -> None:
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    extra = expected.get("extra", {})
    assert problem.keys() == {"type", "title", "status", "detail", "code", *extra}
    assert (problem["status"], problem["code"]) == (expected["status"], expected["code"]), problem["detail"]
    assert (problem["type"], problem["title"]) == ("about:blank", _TITLES[expected["status"]])
    assert {name: problem[name] for name in extra} == extra
    for said in expected["says"]:
        assert said in problem["detail"]
    assert re.fullmatch(r".{10,1000}\.", problem["detail"], re.DOTALL)
    if expected["status"] == 405:
        assert answer.headers["Allow"] in {"POST", "POST, GET", "POST, DELETE", "POST, GET, DELETE"}


@cases("http", "publish", "register", "subscribe", "get_events", "peek", "expire")
def test_the_service_answers_as_the_case_has_it(wire: Wire, case: Case) -> None:
    """Exact status and code; a body of exactly these members."""
    wire.ok("register", {"publisher": "clock"})
    first_us = 0
    for request in case.get("before", []):
        assert send(wire, fill(request, wire.unique, wire.store_time, first_us)).status_code < 300
        first_us = first_us or wire.store_time
    filled = fill(case, wire.unique, wire.store_time, first_us)
    check(send(wire, filled["request"]), filled["answer"])


@cases("names")
def test_the_service_takes_a_name_as_the_case_has_it(wire: Wire, case: Case) -> None:
    """Refused names get 400, with a sentence on what a name is."""
    answer = wire.ask("register", fill({case["kind"]: case["value"]}, wire.unique, 0))
    if case["accepted"]:
        assert answer.status_code in {200, 201}
    else:
        _check_refusal(answer, {"status": 400, "code": "invalid_name", "says": [f"name a {case['kind']}"]})


@cases("events")
def test_the_service_takes_an_event_as_the_case_has_it(wire: Wire, case: Case) -> None:
    """Of those taken a subscriber gets the very bytes."""
    event = fill(event_text(case), "", 0)
    names = f'"topic":"{wire.name("t")}","publisher":"{wire.name("p")}"'
    answer = wire.ask("publish", f'{{{names},"events":[{event}]}}'.encode())
    if case["answer"]["status"] != 200:
        _check_refusal(answer, fill(case["answer"], wire.unique, 0))
        return
    assert answer.status_code == 200, answer.text
    wire.subscribe("s", "t")
    got = wire.ask("get_events", {"subscriber": wire.name("s")})
    assert f'[{event[:-1]},"topic":"{wire.name("t")}","sequence":"'.encode() in got.content
