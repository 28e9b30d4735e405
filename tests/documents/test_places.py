"""Each code of a problem that a user may look up has its place, and an error leads there."""

from __future__ import annotations

import ast
import re

from documents.reading import ROOT, page
from pubsub_emulator.openapi.responses import CODES
from pubsub_emulator.server.limits import _TITLES
from pubsubclient import NotFound, ServiceError
from pubsubservice.core import problems

PROBLEMS = page("problems.md")
#: {code: status} of what the emulator's server itself refuses
_OF_THE_FRONT = {code: status for status, (_, code) in _TITLES.items()}
_OF_THE_SERVICE = {code for codes in CODES.values() for code in codes}


def test_the_description_has_the_codes_that_the_service_uses() -> None:
    """Which are the first arguments of its problems."""
    used = set()
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "functions").rglob("*.py")]
    for text in (text for text in texts if "pubsubservice.core.problems import" in text):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in problems.__all__:
                used.add(ast.unparse(node.args[0]).strip("'"))
    assert used == _OF_THE_SERVICE


def test_each_code_has_a_section_under_its_status() -> None:
    """And there is no section of another code."""
    sections = re.split(r"^## ", PROBLEMS, flags=re.MULTILINE)[1:]
    under: dict[str, set[int]] = {}
    for section in sections:
        statuses = {int(status) for status in re.findall(r"\b\d{3}\b", section.partition("\n")[0])}
        for code in re.findall(r"^### (\w+)$", section, re.MULTILINE):
            assert code not in under
            under[code] = statuses
    assert under.keys() == _OF_THE_SERVICE | _OF_THE_FRONT.keys()
    assert all(status in under[code] for status, codes in CODES.items() for code in codes)
    assert all(status in under[code] for code, status in _OF_THE_FRONT.items())


def test_the_wire_names_the_codes_of_the_emulators_front() -> None:
    """Those that the service has not got."""
    said = page("protocol.md").partition("The emulator's front adds ")[2]
    named = {code: int(status) for status, code in re.findall(r"(\d{3})\s`(\w+)`", said)}
    assert named == {code: status for code, status in _OF_THE_FRONT.items() if code not in _OF_THE_SERVICE}


def test_an_error_leads_to_its_section() -> None:
    """In the repository that pyproject.toml names; an answer of a proxy has no section."""
    source = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (repository,) = re.findall(r'^Source = "(.*)"$', source, re.MULTILINE)
    error = NotFound("register", 404, "unknown_topic", "No topic is registered under the name 'a'.")
    assert error.help == f"{repository}/blob/main/docs/problems.md#unknown_topic"
    assert ServiceError("register", 502, "http_502", "Bad gateway.").help is None
