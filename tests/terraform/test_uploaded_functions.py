"""The zip that Terraform would upload, made by an apply: unpacked where only its requirements are, it serves all functions."""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.packaging.environments import Environment

from pubsubclient import Event, Publisher, Service, Subscriber

from . import installed
from .deployment import VARIABLES, uploaded_zip
from .tree import Tree

pytestmark = pytest.mark.slow

_FUNCTION = "google_cloudfunctions2_function.this"


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tree, dict[str, Any]]:
    """The module after an apply, and its state. Identity is off: there are no tokens of Google here."""
    if installed.provider() == "real":
        pytest.skip("an apply with the real providers would deploy")
    tree = Tree(tmp_path_factory.mktemp("applied"))
    tree.init()
    return tree, tree.apply(**VARIABLES, identity="false")


@pytest.fixture(scope="module")
def functions(
    applied: tuple[Tree, dict[str, Any]], google_emulator: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """URLs of the functions by their names: each as the state has it, entry point and environment, over Google's emulator."""
    tree, state = applied
    folder = tmp_path_factory.mktemp("uploaded")
    source = folder / "source"
    with zipfile.ZipFile(uploaded_zip(tree, state)) as archive:
        archive.extractall(source)
    environment = Environment(folder, "--require-hashes", "--requirement", str(source / "requirements.txt"))
    resources = state["values"]["root_module"]["resources"]
    deployed = {found["index"]: found["values"] for found in resources if found["address"].startswith(_FUNCTION)}
    project = f"uploaded-{uuid.uuid4().hex[:12]}"
    with ExitStack() as running:
        yield {
            name: running.enter_context(_served(environment, source, values, google_emulator, project))
            for name, values in deployed.items()
        }


def _served(environment: Environment, source: Path, values: dict[str, Any], emulator: str, project: str) -> Any:
    settings = values["service_config"][0]["environment_variables"]
    return environment.running(
        *(
            "functions-framework",
            "--source",
            str(source / "main.py"),
            "--target",
            values["build_config"][0]["entry_point"],
        ),
        *("--host", "127.0.0.1", "--port", "0"),
        ready="Listening at: ",
        **{
            **settings,
            "GUNICORN_LOG_LEVEL": "info",
            "FIRESTORE_EMULATOR_HOST": emulator,
            "GOOGLE_CLOUD_PROJECT": project,
        },
    )


def test_each_function_of_the_zip_does_its_part(functions: dict[str, str]) -> None:
    """An event passes through four of them, and the fifth finds its topic."""
    urls = {name: line.split()[0] for name, line in functions.items()}
    service = Service({name: url for name, url in urls.items() if name != "expire"})
    sent = Publisher("P1", service=service).publish(Event("orders", {"number": 17}))
    with Subscriber("S1", service=service) as subscriber:
        subscriber.subscribe("orders")
        (got,) = subscriber.get_events(wait=5)
    assert (got.id, got.sequence, got.data) == (sent.id, sent.sequence, {"number": 17})
    expired = requests.post(urls["expire"], json={}, timeout=30)
    assert (expired.status_code, expired.json()) == (200, {"topics": 1, "batches": 0, "more": False})
