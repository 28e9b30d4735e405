"""What a user may look up has its place: codes of problems, variables of the environment, members of log lines."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pubsub_emulator.openapi.responses import CODES
from pubsubclient import NotFound, ServiceError
from pubsubservice.core import request_log
from pubsubservice.core.meter import Meter

ROOT = Path(__file__).parents[2]
PROBLEMS = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
SOURCES = [
    file for folder in ("client", "functions", "emulator") for file in sorted((ROOT / folder).rglob("*.py"))
]  # fmt: skip
#: problems of the emulator's front, which are not the service's
_OF_THE_FRONT = {"origin_not_allowed", "not_found", "host_not_allowed"}
#: variables of a system, not of this project
_OF_SYSTEMS = {"APPDATA", "USERNAME"}
_VARIABLE = re.compile(r"(?:environ(?:ment)?\.get\(|environ\[)(?P<said>\"[A-Z_]+\"|_?[A-Z_]+)")


def test_each_code_has_a_section_under_its_status() -> None:
    """And there is no section of another code."""
    sections = re.split(r"^## ", PROBLEMS, flags=re.MULTILINE)[1:]
    under: dict[str, set[int]] = {}
    for section in sections:
        statuses = {int(status) for status in re.findall(r"\b\d{3}\b", section.partition("\n")[0])}
        for code in re.findall(r"^### (\w+)$", section, re.MULTILINE):
            assert code not in under
            under[code] = statuses
    assert under.keys() == {code for codes in CODES.values() for code in codes} | _OF_THE_FRONT
    assert all(status in under[code] for status, codes in CODES.items() for code in codes)


def test_an_error_leads_to_its_section() -> None:
    """In the repository that pyproject.toml names; an answer of a proxy has no section."""
    source = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (repository,) = re.findall(r'^Source = "(.*)"$', source, re.MULTILINE)
    error = NotFound("register", 404, "unknown_topic", "No topic is registered under the name 'a'.")
    assert error.help == f"{repository}/blob/main/docs/problems.md#unknown_topic"
    assert ServiceError("register", 502, "http_502", "Bad gateway.").help is None


def _variables() -> Iterator[str]:
    """The variables of the environment that the packages read."""
    constants = {}
    read = []
    for file in SOURCES:
        text = file.read_text(encoding="utf-8")
        constants.update(re.findall(r"^(_?[A-Z_]+) = (\"[A-Z_]+\")", text, re.MULTILINE))
        read += [match["said"] for match in _VARIABLE.finditer(text)]
    for said in read:
        name = ast.literal_eval(constants.get(said, said) if not said.startswith('"') else said)
        if not name.startswith(("HTTP_", "PATH_", "SCRIPT_", "REQUEST_", "QUERY_", "CONTENT_")):
            yield name


def test_each_variable_of_the_environment_is_explained() -> None:
    """And each one that is explained is read somewhere."""
    explained = set(re.findall(r"`([A-Z]+_?[A-Z_]+)`", SETTINGS))
    read = set(_variables())
    assert read - _OF_SYSTEMS <= explained
    assert explained - read <= {"NAME"}


@pytest.mark.parametrize("kind", ["request", "subscription"])
def test_each_member_of_a_log_line_is_explained(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="pubsubservice.request")
    if kind == "request":
        request_log.log_request("publish", 200, {}, Meter(), 1.0)
    else:
        request_log.log_subscription("billing", "orders", 0, None, dead=0, dropped=0)
    (record,) = caplog.records
    table = {
        name for row in re.findall(r"^\| (`.*?) \|", SETTINGS, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert json.loads(record.message).keys() <= table
