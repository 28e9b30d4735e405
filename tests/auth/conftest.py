"""``pubsub emulator --auth`` on both stores; every test that takes `wire` runs on each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

import pubsubclient
from auth.google import AUDIENCES, Google
from auth.people import ADMIN, Forger, People, another_issuer
from e2e.serving import Serving
from e2e.wire import Wire
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.issuer import Issuer, load_issuer
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubservice.api.identity import Identity, Trust
from pubsubservice.core.runtime import SystemRuntime

AUTH = ["--auth", "--admin", ADMIN]


@pytest.fixture(scope="session", params=["sqlite", "firestore"])
def serving(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One emulator a store; the tests keep apart by their names."""
    folder = tmp_path_factory.mktemp("auth")
    log = folder / "emulator.log"
    if request.param == "sqlite":
        running = Serving(["--data-dir", str(folder / "data"), *AUTH], log, {})
    else:
        project = f"auth-{uuid4().hex[:12]}"
        google = request.getfixturevalue("google_emulator")
        running = Serving(["--firestore", google, *AUTH], log, {"GOOGLE_CLOUD_PROJECT": project})
    yield running
    running.close()


@pytest.fixture(scope="session")
def people(serving: Serving) -> People:
    """Those whom the emulator trusts, by the key that it says it has."""
    said = re.search(r"--key (\S+)\)", serving.log.read_text())
    assert said
    return People(load_issuer(Path(said[1])))


@pytest.fixture(scope="session")
def forger(people: People) -> Forger:
    return Forger(people.issuer, another_issuer())


@pytest.fixture
def wire(serving: Serving) -> Iterator[Wire]:
    """The wire of the emulator, with names of this test's own."""
    wire = Wire(serving.url)
    yield wire
    wire.close()


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    """Whom the functions of this process believe."""
    return another_issuer()


@pytest.fixture
def google(issuer: Issuer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Google]:
    """Google on this machine, and nothing of this machine's own that could be found by chance."""
    for name in ("PUBLISH_SUBSCRIBE_SERVICE", "PUBLISH_SUBSCRIBE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.chdir(tmp_path)
    running = Google(issuer, monkeypatch)
    yield running
    pubsubclient.configure()
    running.close()


@pytest.fixture
def url(issuer: Issuer) -> Iterator[str]:
    """The functions, which believe Google, and tokens for their own addresses only."""
    trust = Trust(frozenset(AUDIENCES.values()))
    store = EphemeralStore()
    with Emulator(store, identity=Identity(trust, issuer.keys.get, SystemRuntime())) as emulator:
        yield emulator.url
    store.close()
