"""What a token must be, and what nothing else can take the place of."""

from __future__ import annotations

import json

import pytest

from auth.calls import CALLS, make, send
from auth.people import FORGERIES, Forger, People
from e2e.serving import Serving
from e2e.wire import Wire
from pubsubservice.main import FUNCTIONS

#: tokens are judged before any store is asked
pytestmark = pytest.mark.parametrize("serving", ["sqlite"], indirect=True)


def _own_names(wire: Wire, people: People, person: str) -> str:
    """A name of a person's, for each kind."""
    name = wire.name(person)
    for kind in ("publisher", "subscriber", "topic"):
        make(wire, kind, name, people.headers(person))
    return name


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_proves_nothing_is_refused(wire: Wire, people: People, forger: Forger, forgery: str) -> None:
    """On every call, about every name, whatever else is sent beside it; it is not as good as none."""
    token = FORGERIES[forgery](forger).encode().decode("latin-1")
    valid = f"Bearer {people.tokens['alice']}"
    name = _own_names(wire, people, "alice")
    for call in CALLS.values():
        for beside in ({}, {"Authorization": valid, "X-Serverless-Authorization": valid}):
            for about in (name, wire.name("unknown")):
                answer = send(wire, call, about, name, {"X-Pubsub-Token": token, **beside})
                assert answer.status_code == 401, (forgery, call)
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert answer.headers["WWW-Authenticate"] == 'Bearer realm="pubsub", error="invalid_token"'
                assert answer.json()["code"] == "invalid_identity_token"
                assert answer.headers["X-Store-Ops"] == "reads=0, writes=0, deletes=0"
                assert not token or token not in answer.text


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_looks_at_the_token_first(wire: Wire, forger: Forger, function: str) -> None:
    """Before the body: who is not believed learns nothing of what is expected."""
    for body in ({}, b"{", {"subscriber": "a..b"}):
        answer = wire.ask(function, body, headers={"X-Pubsub-Token": forger.signed_by_another()})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_identity_token")


@pytest.mark.parametrize("header", ["Authorization", "X-Serverless-Authorization"])
@pytest.mark.parametrize("forgery", ["valid", *FORGERIES])
def test_other_headers_tell_nobody_who_calls(
    wire: Wire, people: People, forger: Forger, forgery: str, header: str
) -> None:
    """Whoever puts alice's token there, forged or valid, is who X-Pubsub-Token says, and anonymous without one."""
    token = people.tokens["alice"] if forgery == "valid" else FORGERIES[forgery](forger).encode().decode("latin-1")
    alices, bobs = _own_names(wire, people, "alice"), _own_names(wire, people, "bob")
    nobodys = _own_names(wire, people, "anonymous")
    other = "X-Serverless-Authorization" if header == "Authorization" else "Authorization"
    sent = {header: f"Bearer {token}", other: f"Bearer {people.tokens['bob']}"}
    for call in (CALLS["get events"], CALLS["publish"], CALLS["register subscriber"]):
        for headers, own in (({**sent, **people.headers("bob")}, bobs), (sent, nobodys)):
            refused = send(wire, call, alices, own, headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "not_owner")
            assert send(wire, call, own, own, headers).status_code == 200
    assert send(wire, CALLS["get events"], bobs, nobodys, sent).status_code == 403


def test_a_refused_token_does_not_stay_in_the_way(wire: Wire, people: People, forger: Forger) -> None:
    """Nor does a valid one help the next caller on the same connection."""
    name = _own_names(wire, people, "alice")
    call = CALLS["show subscriber"]
    for _ in range(3):
        assert send(wire, call, name, name, people.headers("alice")).status_code == 200
        assert send(wire, call, name, name, {"X-Pubsub-Token": forger.signed_by_another()}).status_code == 401
        assert send(wire, call, name, name, {}).status_code == 403


def test_an_email_makes_nobody_an_owner_and_only_a_verified_one_an_admin(
    wire: Wire, people: People, forger: Forger
) -> None:
    """The address may have been another person's yesterday."""
    name = _own_names(wire, people, "alice")
    same_email = forger.signed_by_issuer(sub="another", email="alice@example.com")
    unverified = forger.signed_by_issuer(sub="another", email_verified=False)
    said_verified = forger.signed_by_issuer(sub="another", email_verified="true")
    admin = forger.signed_by_issuer(sub="another", email="Root@Example.com")
    call = CALLS["show subscriber"]
    for token in (same_email, unverified, said_verified):
        assert send(wire, call, name, name, {"X-Pubsub-Token": token}).status_code == 403
    assert send(wire, call, name, name, {"X-Pubsub-Token": admin}).status_code == 200


def test_the_log_names_the_caller_and_holds_no_token(
    serving: Serving, wire: Wire, people: People, forger: Forger
) -> None:
    """The verified address, or the identity of one without an address."""
    name = _own_names(wire, people, "alice")
    no_email = forger.signed_by_issuer(sub="robot", email=None)
    forged = forger.signed_by_another()
    send(wire, CALLS["show subscriber"], name, name, {"X-Pubsub-Token": no_email})
    send(wire, CALLS["show subscriber"], name, name, {"X-Pubsub-Token": forged})
    text = serving.log.read_text()
    callers = {json.loads(line).get("caller") for line in text.splitlines() if line.startswith("{")}
    assert {"alice@example.com", "https://pubsub-emulator.invalid robot"} <= callers
    for token in (*people.tokens.values(), no_email, forged):
        assert token not in text
        assert token.rpartition(".")[2] not in text
