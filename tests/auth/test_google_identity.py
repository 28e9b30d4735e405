"""The flow of tokens from Google to the service: the SDK on one side, the service's verifier on the other, real signatures."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import pubsubclient
from auth.google import Google, new_key
from auth.loopback import Answer, Asked
from auth.people import another_issuer
from pubsub_emulator.ephemeral import EphemeralStore
from pubsub_emulator.issuer import Issuer
from pubsub_emulator.server import Emulator
from pubsubclient import (
    ConfigurationError,
    Event,
    Forbidden,
    IdentityError,
    Publisher,
    Service,
    Subscriber,
    Unavailable,
    _google_token,
)
from pubsubclient.gcp import GoogleIdentity
from pubsubservice.identity import Identity, Trust
from pubsubservice.runtime import SystemRuntime

FUNCTIONS = ("register", "publish", "subscribe", "get_events")
AUDIENCES = {name: f"https://{name.replace('_', '-')}-1234.europe-west1.run.app" for name in FUNCTIONS}
RUNTIME = "runtime@shop.iam.gserviceaccount.com"
ROBOT = "robot@shop.iam.gserviceaccount.com"
EXPIRED_SOON_S = 120


@pytest.fixture(scope="module")
def issuer() -> Issuer:
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


def _use(service: Service) -> None:
    """Every function once."""
    Publisher("shop", service=service).publish(Event("orders", 1))
    with Subscriber("billing", service=service) as subscriber:
        subscriber.subscribe("orders")
        assert [event.data for event in subscriber.get_events()] == [1]


def _is_owned(url: str) -> bool:
    """Whether the publisher belongs to somebody."""
    return requests.get(f"{url}/register", params={"publisher": "shop"}, timeout=60).status_code == 403


def test_each_function_gets_a_token_for_its_own_audience(google: Google, url: str) -> None:
    """Of the metadata server, once each; the service verifies them and makes the account the owner."""
    google.start_metadata_server(RUNTIME)
    _use(Service(url, identity=GoogleIdentity(audiences=AUDIENCES)))
    assert sorted(google.given) == sorted((audience, RUNTIME) for audience in AUDIENCES.values())
    assert _is_owned(url)


def test_both_headers_carry_the_token(google: Google) -> None:
    """Cloud Run checks the one and takes its signature away; the service verifies the other."""
    google.start_metadata_server()
    for name in FUNCTIONS:
        google.server.answer(f"/{name}", Answer({}, {"X-Store-Time": "1"}))
    Publisher("shop", service=Service(google.server.url, identity=GoogleIdentity()))
    (asked,) = google.server.of("/register")
    token = asked.headers["X-Pubsub-Token"]
    assert asked.headers["X-Serverless-Authorization"] == f"Bearer {token}"
    assert "Authorization" not in asked.headers
    assert google.given == [(f"{google.server.url}/register", RUNTIME)]


def test_the_service_may_have_an_audience_of_its_own(google: Google) -> None:
    """Then each header carries the token that is meant for its reader."""
    google.start_metadata_server()
    google.server.answer("/register", Answer({}))
    audiences = {"register": AUDIENCES["register"], "identity": "https://shop.example"}
    Publisher("shop", service=Service(google.server.url, identity=GoogleIdentity(audiences=audiences)))
    (asked,) = google.server.of("/register")
    assert asked.headers["X-Serverless-Authorization"] != f"Bearer {asked.headers['X-Pubsub-Token']}"
    assert google.given == [(AUDIENCES["register"], RUNTIME), ("https://shop.example", RUNTIME)]


def test_a_token_for_another_function_is_refused(google: Google, issuer: Issuer) -> None:
    """An audience that the service does not know."""
    google.start_metadata_server()
    store = EphemeralStore()
    trust = Trust(frozenset({"https://elsewhere.example"}))
    with (
        Emulator(store, identity=Identity(trust, issuer.keys.get, SystemRuntime())) as emulator,
        pytest.raises(Forbidden, match=r"expected for the audience https://elsewhere.example"),
    ):
        Publisher("shop", service=Service(emulator.url, identity=GoogleIdentity(audiences=AUDIENCES)))
    store.close()


def test_a_token_is_kept_while_it_is_good(google: Google) -> None:
    """However many ask at once."""
    google.start_metadata_server()
    identity = GoogleIdentity()
    together = threading.Barrier(16)
    found: list[str] = []

    def ask() -> None:
        together.wait()
        found.extend(identity.headers("publish", "https://a.example/publish")["X-Pubsub-Token"] for _ in range(100))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert google.given == [("https://a.example/publish", RUNTIME)]


def test_a_token_is_made_anew_before_it_expires(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has two minutes left is not waited for to end."""
    monkeypatch.setattr(_google_token, "_PAUSE_S", 0)
    google.start_metadata_server()
    identity = GoogleIdentity()
    google.life_s = EXPIRED_SOON_S
    first = identity.headers("publish", "https://a.example")["X-Pubsub-Token"]
    google.life_s = 3600
    second = identity.headers("publish", "https://a.example")["X-Pubsub-Token"]
    assert second != first
    assert identity.headers("publish", "https://a.example")["X-Pubsub-Token"] == second
    assert len(google.given) == 2


def test_the_old_token_serves_while_google_gives_no_new_one(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is about to expire; Google is not asked again for each call."""
    monkeypatch.setattr(_google_token, "_PAUSE_S", 0)
    google.start_metadata_server()
    identity = GoogleIdentity()
    google.life_s = EXPIRED_SOON_S
    first = identity.headers("publish", "https://a.example")["X-Pubsub-Token"]
    path = "/computeMetadata/v1/instance/service-accounts/default/identity"
    google.server.answer(path, Answer({}, status=404))
    assert identity.headers("publish", "https://a.example")["X-Pubsub-Token"] == first
    monkeypatch.setattr(_google_token, "_PAUSE_S", 30)
    assert identity.headers("publish", "https://a.example")["X-Pubsub-Token"] == first
    asked = len(google.server.of(path))
    for _ in range(20):
        assert identity.headers("publish", "https://a.example")["X-Pubsub-Token"] == first
    assert len(google.server.of(path)) == asked
    monkeypatch.setattr(_google_token, "_LEAST_S", EXPIRED_SOON_S + 1)
    with pytest.raises(IdentityError, match=r"Google gives no ID token for https://a.example"):
        identity.headers("publish", "https://a.example")


def test_others_go_on_with_the_old_token_while_one_makes_a_new_one(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow metadata server holds up one call, not all."""
    monkeypatch.setattr(_google_token, "_PAUSE_S", 0)
    google.start_metadata_server()
    identity = GoogleIdentity()
    google.life_s = EXPIRED_SOON_S
    first = identity.headers("publish", "https://a.example")["X-Pubsub-Token"]
    asked, go_on = threading.Event(), threading.Event()

    def slow(_: Asked) -> Answer:
        asked.set()
        assert go_on.wait(30)
        google.life_s = 3600
        return Answer(raw=google.signed("https://a.example", RUNTIME).encode())

    google.server.answer("/computeMetadata/v1/instance/service-accounts/default/identity", slow)
    found: list[str] = []
    one = threading.Thread(
        target=lambda: found.append(identity.headers("publish", "https://a.example")["X-Pubsub-Token"])
    )
    one.start()
    assert asked.wait(30)
    assert identity.headers("publish", "https://a.example")["X-Pubsub-Token"] == first
    go_on.set()
    one.join()
    assert found[0] != first
    assert identity.headers("publish", "https://a.example")["X-Pubsub-Token"] == found[0]


def test_the_key_of_a_service_account(google: Google, url: str, tmp_path: Path) -> None:
    """Its assertion is exchanged for ID tokens."""
    google.use_file(tmp_path / "key.json", google.service_account(ROBOT, new_key()))
    _use(Service(url, identity=GoogleIdentity(audiences=AUDIENCES)))
    assert {email for _, email in google.given} == {ROBOT}
    assert sorted(audience for audience, _ in google.given) == sorted(AUDIENCES.values())


def test_a_user_impersonates_a_service_account(google: Google, url: str, tmp_path: Path) -> None:
    """Named by argument; the token carries the account's address, for logs and the list of admins."""
    google.use_file(tmp_path / "user.json", google.authorized_user())
    google.allow_impersonation(ROBOT)
    _use(Service(url, identity=GoogleIdentity(audiences=AUDIENCES, impersonate=ROBOT)))
    assert {email for _, email in google.given} == {ROBOT}
    assert set(google.bearers) == {"Bearer access-of-alice"}


def test_a_user_of_gcloud_is_found_where_gcloud_leaves_it(google: Google, url: str, tmp_path: Path) -> None:
    """Without any variable of the environment."""
    (tmp_path / "gcloud").mkdir()
    (tmp_path / "gcloud" / "application_default_credentials.json").write_text(json.dumps(google.authorized_user()))
    google.allow_impersonation(ROBOT)
    _use(Service(url, identity=GoogleIdentity(audiences=AUDIENCES, impersonate=ROBOT)))


@pytest.mark.parametrize("how", ["in its file", "by argument"])
def test_an_external_account_impersonates_a_service_account(google: Google, url: str, tmp_path: Path, how: str) -> None:
    """By its own access token, and the account in its file is as good as one that is named."""
    google.allow_impersonation(ROBOT)
    more = {"service_account_impersonation_url": f"https://iam.example/{ROBOT}:generateAccessToken"}
    content = google.external_account(tmp_path / "subject", **(more if how == "in its file" else {}))
    google.use_file(tmp_path / "external.json", content)
    impersonate = None if how == "in its file" else ROBOT
    _use(Service(url, identity=GoogleIdentity(audiences=AUDIENCES, impersonate=impersonate)))
    assert {email for _, email in google.given} == {ROBOT}
    assert set(google.bearers) == {"Bearer access-of-the-ci"}


def test_a_machine_in_the_cloud_may_impersonate_another_account(google: Google, url: str) -> None:
    google.start_metadata_server(RUNTIME)
    google.allow_impersonation(ROBOT)
    _use(Service(url, identity=GoogleIdentity(audiences=AUDIENCES, impersonate=ROBOT)))
    assert {email for _, email in google.given} == {ROBOT}
    assert set(google.bearers) == {"Bearer of-metadata"}


def test_the_file_of_an_impersonated_account(google: Google, url: str, tmp_path: Path) -> None:
    """What ``gcloud auth application-default login --impersonate-service-account`` leaves."""
    content = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"https://iam.example/v1/{ROBOT}:generateAccessToken",
        "source_credentials": google.authorized_user(),
    }
    google.use_file(tmp_path / "impersonated.json", content)
    google.allow_impersonation(ROBOT)
    _use(Service(url, identity=GoogleIdentity(audiences=AUDIENCES)))
    assert set(google.bearers) == {"Bearer access-of-alice"}


@pytest.mark.parametrize("kind", ["authorized_user", "external_account"])
def test_without_an_account_to_impersonate_the_error_says_how(google: Google, tmp_path: Path, kind: str) -> None:
    """Users and external accounts have no ID tokens of their own."""
    content = google.authorized_user() if kind == "authorized_user" else google.external_account(tmp_path / "subject")
    google.use_file(tmp_path / "credentials.json", content)
    with pytest.raises(IdentityError) as raised:
        Publisher("shop", service=Service("https://shop.example", identity=GoogleIdentity()))
    for part in (kind, '"impersonate"', "GoogleIdentity(impersonate=", "roles/iam.serviceAccountOpenIdTokenCreator"):
        assert part in str(raised.value)


def test_without_credentials_the_error_says_where_they_were_looked_for(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, not at the deadline: another try would find none either."""
    monkeypatch.setenv("GCE_METADATA_DETECT_RETRIES", "1")
    started = time.monotonic()
    with pytest.raises(IdentityError) as raised:
        Publisher("shop", service=Service("https://shop.example", identity=GoogleIdentity(), deadline_s=600))
    assert time.monotonic() - started < 60
    for place in ("GOOGLE_APPLICATION_CREDENTIALS", "gcloud auth application-default login", "metadata server"):
        assert place in str(raised.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "a JSON object is expected"),
        ("{}", "the type None is not known"),
        ('{"type": "magic"}', "the type 'magic' is not known"),
        ('{"type": "service_account"}', "holds no Google credentials that can be used"),
        ('{"type": "authorized_user"}', "holds no Google credentials that can be used"),
        ('{"type": "impersonated_service_account"}', "holds no Google credentials that can be used"),
        ('{"type": "external_account", "credential_source": {}}', "holds no Google credentials that can be used"),
        (None, "which is not there"),
    ],
)
def test_a_malformed_file_is_named(google: Google, tmp_path: Path, content: str | None, says: str) -> None:
    """It may be the one that was meant: no other place is tried."""
    google.use_file(tmp_path / "credentials.json", {})
    google.start_metadata_server()
    if content is None:
        (tmp_path / "credentials.json").unlink()
    else:
        (tmp_path / "credentials.json").write_text(content)
    with pytest.raises(IdentityError, match=f".*credentials.json.*{says}"):
        GoogleIdentity().headers("publish", "https://a.example")


def test_a_refusal_of_google_is_final(google: Google, tmp_path: Path) -> None:
    """The role is missing: its words are in the error."""
    google.use_file(tmp_path / "user.json", google.authorized_user())
    refusal = {"error": {"code": 403, "message": "Permission iam.serviceAccounts.getOpenIdToken denied"}}
    google.server.answer(f"/iam/{ROBOT}:generateIdToken", Answer(refusal, status=403))
    service = Service("https://shop.example", identity=GoogleIdentity(impersonate=ROBOT), deadline_s=600)
    with pytest.raises(IdentityError, match="getOpenIdToken denied"):
        Publisher("shop", service=service)


def test_what_passes_is_tried_again_until_the_deadline(google: Google, url: str, tmp_path: Path) -> None:
    """Google's IAM fails once, and the call succeeds; if it goes on failing, that is what ended the last try."""
    google.use_file(tmp_path / "user.json", google.authorized_user())
    failing = Answer({"error": {"code": 503, "message": "try again"}}, status=503)
    google.server.answer(f"/iam/{ROBOT}:generateIdToken", failing)
    identity = GoogleIdentity(audiences=AUDIENCES, impersonate=ROBOT)
    with pytest.raises(Unavailable, match=r"no ID token for .*'try again'") as raised:
        Publisher("shop", service=Service(url, identity=identity, deadline_s=0.5))
    assert not raised.value.uncertain

    def once(_: Asked) -> Answer:
        google.allow_impersonation(ROBOT)
        return failing

    google.server.answer(f"/iam/{ROBOT}:generateIdToken", once)
    Publisher("shop", service=Service(url, identity=identity))


def test_config_json_switches_it_on(google: Google, url: str, tmp_path: Path) -> None:
    """As Terraform's output has it; the program does not change."""
    google.start_metadata_server(RUNTIME)
    settings = {"PUBLISH_SUBSCRIBE_SERVICE": url, "audiences": AUDIENCES}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    Publisher("shop").publish(Event("orders", 1))
    assert [audience for audience, _ in google.given] == [AUDIENCES["register"], AUDIENCES["publish"]]


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


def test_equal_identities_share_tokens_and_connections(google: Google, url: str) -> None:
    """Publishers and subscribers that find the service by themselves do not each ask Google."""
    google.start_metadata_server(RUNTIME)
    one, other = (Service(url, identity=GoogleIdentity(audiences=AUDIENCES)) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Service(url)
    assert one != Service(url, identity=GoogleIdentity(audiences=AUDIENCES, impersonate=ROBOT))
    Publisher("shop", service=one)
    Publisher("other-shop", service=other)
    assert google.given == [(AUDIENCES["register"], RUNTIME)]


def test_a_forked_child_makes_tokens_of_its_own(google: Google) -> None:
    """Even if another thread was at it when it was forked."""
    google.start_metadata_server(RUNTIME)
    identity = GoogleIdentity()
    asked, go_on = threading.Event(), threading.Event()
    path = "/computeMetadata/v1/instance/service-accounts/default/identity"

    def slow(_: Asked) -> Answer:
        if not asked.is_set():
            asked.set()
            assert go_on.wait(30)
        return Answer(raw=google.signed("https://a.example", RUNTIME).encode())

    google.server.answer(path, slow)
    one = threading.Thread(target=lambda: identity.headers("publish", "https://a.example"))
    one.start()
    assert asked.wait(30)
    child = os.fork()
    if child == 0:
        os._exit(0 if identity.headers("publish", "https://a.example") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go_on.set()
    one.join()
