"""Google's identities by config.json: the program does not change."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from auth.google import AUDIENCES, ROBOT, RUNTIME, Google, use_every_function
from auth.loopback import Answer
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.issuer import Issuer
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubclient import ConfigurationError, Event, Publisher
from pubsubservice.api.identity import Identity, Trust
from pubsubservice.core.runtime import SystemRuntime


def test_config_json_switches_it_on(google: Google, url: str, tmp_path: Path) -> None:
    """As Terraform's output has it; the program does not change."""
    google.start_metadata_server(RUNTIME)
    settings = {"PUBLISH_SUBSCRIBE_SERVICE": url, "audiences": AUDIENCES}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    Publisher("shop").publish(Event("orders", 1))
    assert [audience for audience, _ in google.given] == [AUDIENCES["register"], AUDIENCES["publish"]]


def test_the_documented_config_json_is_believed(google: Google, issuer: Issuer, tmp_path: Path) -> None:
    """By a service whose audience is its base URL, as Terraform sets it; each function gets what Cloud Run expects."""
    google.start_metadata_server(RUNTIME)
    page = (Path(__file__).parents[2] / "docs" / "identity.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    settings = json.loads(written)
    trust = Trust(frozenset({settings["PUBLISH_SUBSCRIBE_SERVICE"]}))
    store = EphemeralStore()
    with Emulator(store, identity=Identity(trust, issuer.keys.get, SystemRuntime())) as emulator:
        # where it would be is nobody; all the rest is as it is written
        (tmp_path / "config.json").write_text(json.dumps(settings | {"PUBLISH_SUBSCRIBE_SERVICE": emulator.url}))
        use_every_function()
    store.close()
    assert {audience for audience, _ in google.given} == set(settings["audiences"].values())


def test_config_json_may_name_google_alone(google: Google, tmp_path: Path) -> None:
    """Then the audiences are the functions' addresses."""
    google.start_metadata_server(RUNTIME)
    google.server.answer("/register", Answer({}))
    settings = {"PUBLISH_SUBSCRIBE_SERVICE": google.server.url, "identity": "google"}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    Publisher("shop")
    assert google.given == [(f"{google.server.url}/register", RUNTIME)]


def test_config_json_may_name_an_account_to_impersonate(google: Google, tmp_path: Path) -> None:
    google.start_metadata_server(RUNTIME)
    google.allow_impersonation(ROBOT)
    google.server.answer("/register", Answer({}))
    settings = {"PUBLISH_SUBSCRIBE_SERVICE": google.server.url, "impersonate": ROBOT}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    Publisher("shop")
    assert google.given == [(f"{google.server.url}/register", ROBOT)]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"identity": "amazon"}, "\"google\" is expected; got 'amazon'"),
        ({"audiences": ["https://a.example"]}, "audiences: expected a URL for each function"),
        ({"audiences": {"publish": 7}}, "audiences: expected a URL for each function"),
        ({"impersonate": "robot"}, "impersonate: expected the email of a service account; got 'robot'"),
        ({"impersonate": 7}, "impersonate: expected the email of a service account; got 7"),
    ],
)
def test_a_mistake_in_config_json_is_named(google: Google, tmp_path: Path, more: dict[str, Any], says: str) -> None:
    """With the file."""
    settings = {"PUBLISH_SUBSCRIBE_SERVICE": "https://shop.example", **more}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ConfigurationError, match=f".*config.json.*{says}"):
        Publisher("shop")
