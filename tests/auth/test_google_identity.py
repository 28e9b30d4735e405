"""The flow of tokens from Google to the service: the SDK on one side, the service's verifier on the other, real signatures."""

from __future__ import annotations

import os
import threading

import pytest
import requests

from auth.google import AUDIENCES, FUNCTIONS, ROBOT, RUNTIME, Google, use_every_function
from auth.loopback import Answer, Asked
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.issuer import Issuer
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubclient import Forbidden, IdentityError, Publisher, Service
from pubsubclient._http import google_token as _google_token
from pubsubclient._http.google_identity import GoogleIdentity
from pubsubservice.api.identity import Identity, Trust
from pubsubservice.core.runtime import SystemRuntime

EXPIRED_SOON_S = 120


def _is_owned(url: str) -> bool:
    """Whether the publisher belongs to somebody."""
    return requests.get(f"{url}/register", params={"publisher": "shop"}, timeout=60).status_code == 403


def test_each_function_gets_a_token_for_its_own_audience(google: Google, url: str) -> None:
    """Of the metadata server, once each; the service verifies them and makes the account the owner."""
    google.start_metadata_server(RUNTIME)
    use_every_function(Service(url, identity=GoogleIdentity(audiences=AUDIENCES)))
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
    failed_as_group = threading.Barrier(16)
    found: list[str] = []

    def ask() -> None:
        failed_as_group.wait()
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
    monkeypatch.setattr(_google_token, "_MIN_LIFETIME_S", EXPIRED_SOON_S + 1)
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


def test_equal_identities_share_tokens_and_connections(google: Google, url: str) -> None:
    """Publishers and subscribers that find the service by themselves do not each ask Google."""
    google.start_metadata_server(RUNTIME)
    one, other = (Service(url, identity=GoogleIdentity(audiences=AUDIENCES)) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Service(url)
    assert one != Service(url, identity=GoogleIdentity(audiences=AUDIENCES, impersonate=ROBOT))
    publishers = Publisher("shop", service=one), Publisher("other-shop", service=other)
    assert publishers[0]._transport is publishers[1]._transport
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
