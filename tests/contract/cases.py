"""The cases of the wire: ``*.json`` beside this file, checked from the service's side and from the client's.

A case is a request, with what goes ``before`` it, and its answer. In any string, ``{unique}`` is a word of the test's
own, ``{time}``, ``{time+N}`` and ``{time-N}`` a store time in µs, ``{first}`` that of the first answer before, and
``{N*text}`` N times the text. A refusal has a status, a code, what its detail ``says``, and ``extra`` members. A success has
a body: times, and tokens made from them, stand for any; all else is exact.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Case", "body_of", "cases", "event_text", "fill", "matches"]

Case = dict[str, Any]

_HERE = Path(__file__).parent
_DEFAULTS = json.loads((_HERE / "defaults.json").read_text())
_REPEATED = re.compile(r"\{(\d+)\*(\}\]|\}|\[\{\"a\":|\{\"a\":|[^}]+)\}")
_TIME = re.compile(r"\{time([+-]\d+)?\}")
_CURSOR = re.compile(r"[A-Za-z0-9_-]+")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_VALID = {"specversion": '"1.0"', "id": '"e-1"', "source": '"/publishers/p"', "type": '"event"'}


def cases(*files: str, where: Callable[[Case], bool] = lambda _: True) -> pytest.MarkDecorator:
    """Run a test for every case of these files, or for those that it is about."""
    found = [
        pytest.param(case, id=f"{file}: {case['name']}")
        for file in files
        for case in _with_defaults(json.loads((_HERE / f"{file}.json").read_text())["cases"])
        if where(case)
    ]
    return pytest.mark.parametrize("case", found)


def _with_defaults(value: Any) -> Any:
    """A part of a case with the members that ``$defaults`` stands for (see ``defaults.json``)."""
    if isinstance(value, list):
        return [_with_defaults(item) for item in value]
    if not isinstance(value, dict):
        return value
    members = {name: _with_defaults(item) for name, item in value.items() if name != "$defaults"}
    return {**_DEFAULTS[value["$defaults"]], **members} if "$defaults" in value else members


def fill(value: Any, unique: str, time_us: int, first_us: int = 0) -> Any:
    """A part of a case with its placeholders filled in."""
    if isinstance(value, dict):
        return {name: fill(item, unique, time_us, first_us) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, unique, time_us, first_us) for item in value]
    if not isinstance(value, str):
        return value
    value = value.replace("{unique}", unique).replace("{first}", str(first_us or time_us))
    value = _TIME.sub(lambda found: str(time_us + int(found[1] or 0)), value)
    return _REPEATED.sub(lambda found: int(found[1]) * found[2], value)


def body_of(request: Case) -> bytes:
    """The bytes of a request."""
    if "base64" in request:
        return base64.b64decode(request["base64"])
    if "body" in request:
        return json.dumps(request["body"]).encode()
    return str(request.get("text", "")).encode()


def event_text(case: Case) -> str:
    """The JSON of an event of ``events.json``."""
    members = [f'"{name}":{text}' for name, text in _VALID.items() if name != case.get("without")]
    return "{" + ",".join([*members, *filter(None, [case["members"]])]) + "}"


def matches(found: Any, expected: Any) -> bool:
    """Whether an answer is as the case has it."""
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(matches(found[name], expected[name]) for name in expected)
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(matches(*pair) for pair in zip(found, expected, strict=True))
        )
    if expected == "{cursor}":
        return isinstance(found, str) and bool(_CURSOR.fullmatch(found))
    if isinstance(expected, str) and _MOMENT.fullmatch(expected):
        return isinstance(found, str) and bool(_MOMENT.fullmatch(found))
    return type(found) is type(expected) and found == expected
