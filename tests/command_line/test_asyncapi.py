"""`pubsub asyncapi` writes the AsyncAPI document of an app, as JSON or YAML, to stdout or a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from command_line.conftest import Run
from documents.asyncapi import check

_APP = """
from pubsubclient import App
app = App("NAME", publishes=["NAME.e"])

@app.handler("NAME.t")
def handle(data: dict) -> None:
    "Handles é."
"""


@pytest.fixture
def module(name: str, tmp_path: Path) -> str:
    """A module with an app, by a name that no other test has."""
    (tmp_path / f"{name}.py").write_text(_APP.replace("NAME", name), encoding="utf-8")
    return name


def test_json_is_for_people_and_one_line_for_programs(run: Run, module: str) -> None:
    shown, record = run("asyncapi", module), run("asyncapi", module, "--json")
    assert (shown.code, shown.err, record.code, record.err) == (0, "", 0, "")
    (document,) = record.records
    assert json.loads(shown.out) == document
    assert shown.out.startswith('{\n  "asyncapi": "3.1.0",\n')
    assert "Handles é." in shown.out
    check(document)
    assert {one["address"] for one in document["channels"].values()} == {f"{module}.t", f"{module}.e"}


def test_yaml_says_the_same(run: Run, module: str, tmp_path: Path) -> None:
    """And repeats what it has twice, where YAML would have an anchor."""
    (document,) = run("asyncapi", module, "--json").records
    shown = run("asyncapi", module, "--yaml")
    assert yaml.safe_load(shown.out) == document
    assert "&" not in shown.out
    for file in ("api.yaml", "api.yml", "api.json", "api"):
        done = run("asyncapi", f"{module}:app", "--output", file)
        assert (done.code, done.out) == (0, "")
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert yaml.safe_load(text) == document
        assert text.startswith("asyncapi: 3.1.0\n" if file.startswith("api.y") else "{\n")
        assert text.endswith("\n")


def test_its_options_are_in_the_document(run: Run, module: str) -> None:
    done = run("-s", "https://example.com/x", "asyncapi", module, "--title", "Shop", "--app-version", "3", "--json")
    (document,) = done.records
    assert document["info"] == {"title": "Shop", "version": "3"}
    assert document["servers"]["service"]["host"] == "example.com"


def test_both_formats_at_once_are_a_mistake(run: Run, module: str) -> None:
    done = run("asyncapi", module, "--yaml", "--json")
    assert done.code == 2
    assert done.error["detail"] == "--yaml, --json: expected one of them"


def test_it_asks_no_service(run: Run, module: str) -> None:
    done = run("-s", "http://127.0.0.1:1", "asyncapi", module)
    assert done.code == 0
