"""The functions as they are deployed: the folder, its requirements, one process for each."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from pubsubclient import Event, Publisher, Service, Subscriber

from .conftest import ROOT
from .environments import Environment

pytestmark = pytest.mark.slow

_FUNCTIONS = ("register", "publish", "subscribe", "get_events", "expire")


@pytest.fixture(scope="module")
def deployed(google_emulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Their URLs: a copy of `functions/` in an environment with its requirements, over Google's Firestore emulator."""
    folder = tmp_path_factory.mktemp("deployed")
    source = folder / "functions"
    shutil.copytree(ROOT / "functions", source, ignore=shutil.ignore_patterns("__pycache__"))
    environment = Environment(folder, "--require-hashes", "--requirement", str(source / "requirements.txt"))
    project = f"deployed-{uuid.uuid4().hex[:12]}"
    with ExitStack() as running:
        yield {
            name: running.enter_context(
                environment.running(
                    *("functions-framework", "--source", str(source / "main.py"), "--target", name),
                    *("--host", "127.0.0.1", "--port", "0"),
                    ready="Listening at: ",
                    GUNICORN_LOG_LEVEL="info",
                    FIRESTORE_EMULATOR_HOST=google_emulator,
                    GOOGLE_CLOUD_PROJECT=project,
                )
            ).split()[0]
            for name in _FUNCTIONS
        }


def test_each_function_does_its_part(deployed: dict[str, str]) -> None:
    """An event passes through those that it concerns, and the fifth takes nothing that is to be kept."""
    service = Service({name: url for name, url in deployed.items() if name != "expire"})
    sent = Publisher("P1", service=service).publish(Event("orders", {"number": 17}))
    with Subscriber("S1", service=service) as subscriber:
        subscriber.subscribe("orders")
        (got,) = subscriber.get_events(wait=5)
    assert (got.id, got.sequence, got.recordedtime) == (sent.id, sent.sequence, sent.recordedtime)
    assert (got.topic, got.data, got.attempt) == ("orders", {"number": 17}, 1)
    expired = requests.post(deployed["expire"], json={}, timeout=30)
    assert (expired.status_code, expired.json()) == (200, {"topics": 1, "batches": 0, "more": False})
