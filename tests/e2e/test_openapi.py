"""The functions against their description: whatever is sent, the answer is one that the document has.

``make fuzz`` runs the same with many more cases (FUZZ_CASES). The cases are the same in every run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from contract.cases import Case, cases
from e2e.serving import Serving, serving_on
from e2e.wire import Wire, cloudevent
from pubsub_emulator.openapi.document import openapi
from pubsub_emulator.openapi.responses import CODES
from pubsubservice.main import FUNCTIONS

#: cases for each operation, half of them within the schema and half outside
FUZZ_CASES = int(os.environ.get("FUZZ_CASES", "60"))

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
_OPERATIONS = [(path, method) for path, calls in openapi()["paths"].items() for method in calls]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator of this module's own, where the subscriber `known` has events to get."""
    serving: Serving = serving_on("sqlite", None, tmp_path_factory.mktemp("openapi"))
    wire = Wire(serving.url)
    wire.ok("register", {"subscriber": "known"})
    wire.ok("subscribe", {"subscriber": "known", "topic": "known"})
    wire.ok("publish", {"topic": "known", "publisher": "known", "events": [cloudevent(n) for n in range(500)]})
    wire.close()
    yield serving.url
    serving.close()


def _sent(case: Any, mode: GenerationMode) -> None:
    """Half of the valid requests are about a subscriber that is there; none waits, which would only take time."""
    if isinstance(case.query, dict) and "wait_s" in case.query and mode == GenerationMode.POSITIVE:
        case.query["wait_s"] = 0
    if not isinstance(case.body, dict):
        return
    wait_s, subscriber = case.body.get("wait_s"), case.body.get("subscriber")
    if isinstance(wait_s, int | float) and 0 < wait_s <= 20:
        case.body["wait_s"] = 0
    if mode == GenerationMode.POSITIVE and isinstance(subscriber, str) and len(subscriber) % 2:
        case.body["subscriber"] = "known"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=["within", "outside"])
@pytest.mark.parametrize(("path", "method"), _OPERATIONS, ids=lambda part: part.strip("/"))
def test_every_answer_is_in_the_document(url: str, path: str, method: str, mode: GenerationMode) -> None:
    """No 5xx, no status, media type, header or body but those described; what the schema does not allow is refused."""
    operation = schemathesis.openapi.from_url(f"{url}/openapi.json")[path][method]
    with requests.Session() as session:

        @settings(
            max_examples=FUZZ_CASES // 2,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            # in a query a number is text, and may be a name
            topics = case.query.get("topic") if isinstance(case.query, dict) else None
            assume(not isinstance(topics, list) or all(isinstance(topic, str) for topic in topics))
            _sent(case, mode)
            case.call_and_validate(session=session, checks=_CHECKS)

        ask()


def test_the_document_has_every_function(url: str) -> None:
    """At the emulator's own address, as the service's module makes it."""
    answer = requests.get(f"{url}/openapi.json", timeout=10)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == openapi(url)
    assert [path.strip("/") for path in answer.json()["paths"]] == list(FUNCTIONS)


def test_the_document_has_the_codes_of_the_protocol() -> None:
    """The table of ``docs/protocol.md``, code by code."""
    text = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    table = text.partition("## Codes")[2].partition("The emulator's front")[0]
    rows = [row for row in table.splitlines() if re.match(r"\| \d", row)]
    assert {int(status) for row in rows for status in re.findall(r"\b\d{3}\b", row)} == CODES.keys()
    codes = [code for row in rows for code in re.findall(r"`(\w+)`", row)]
    assert sorted(codes) == sorted(code for status in CODES for code in CODES[status])


@cases("http", "publish", "register", "subscribe", "get_events", "expire", "cloudevents")
def test_the_document_has_the_answer_of_every_case(case: Case) -> None:
    """Its status, and its code if it is a refusal."""
    request, answer = case["request"], case["answer"]
    calls = openapi()["paths"]["/" + request["function"]]
    call = calls.get(request.get("method", "POST").lower(), calls["post"])
    described = call["responses"][str(answer["status"])]
    if answer["status"] >= 400:
        problem = described["content"]["application/problem+json"]["schema"]
        assert answer["code"] in problem["properties"]["code"]["enum"]
