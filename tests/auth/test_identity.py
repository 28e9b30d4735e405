"""Verifying tokens within one process: what is remembered, where certificates come from, how it is switched on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auth.people import Forger, another_issuer
from pubsub_emulator.issuer import AUDIENCE, ISSUER, Issuer
from pubsub_emulator.sqlite.store import SQLiteStore
from pubsubservice.api import identity as identity_module
from pubsubservice.api.identity import Identity, Trust, identity_from_environment
from pubsubservice.core.ownership import ANONYMOUS, Caller, set_caller
from pubsubservice.core.problems import Forbidden, Unauthorized
from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.core.settings import Settings
from pubsubservice.log.topics import Topics
from pubsubservice.storage.paths import publisher_path


@pytest.fixture
def asked() -> list[str]:
    """The key ids that were asked for: one for each verification."""
    return []


@pytest.fixture
def identity(issuer: Issuer, asked: list[str]) -> Identity:
    def keys(key_id: str) -> str | None:
        asked.append(key_id)
        return issuer.keys.get(key_id)

    return Identity(Trust(frozenset({AUDIENCE, "https://other.example"}), issuer=ISSUER), keys, SystemRuntime())


def test_a_token_is_verified_once(identity: Identity, issuer: Issuer, asked: list[str]) -> None:
    """And found in memory afterwards."""
    token = issuer.token(subject="alice", email="Alice@Example.com")
    callers = {identity.caller(token) for _ in range(100)}
    assert callers == {Caller(f"{ISSUER} alice", "alice@example.com", admin=False)}
    assert asked == list(issuer.keys)


def test_an_expired_token_is_not_remembered(identity: Identity, issuer: Issuer, asked: list[str]) -> None:
    """Clocks may differ by ten seconds, for which it is verified anew each time."""
    token = issuer.token(subject="alice", expires_in_s=-5)
    for _ in range(3):
        assert identity.caller(token).owner == f"{ISSUER} alice"
    assert len(asked) == 3


def test_a_remembered_token_ends_when_it_expires(
    identity: Identity, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock on the wall: what the monotonic clock of a frozen process says does not count."""
    token = issuer.token(subject="alice", expires_in_s=3600)
    identity.caller(token)
    forgotten = Forger(issuer, issuer).signed_by_issuer(sub="alice", exp=int(time.time()) - 60)
    with pytest.raises(Unauthorized, match="It has expired, or is not valid yet"):
        identity.caller(forgotten)
    monkeypatch.setattr(identity_module.time, "time", lambda: time.monotonic() + 1e12)
    monkeypatch.setattr(identity, "_keys", lambda _: None)
    with pytest.raises(Unauthorized, match="Its key is not known"):
        identity.caller(token)


def test_the_memory_is_bounded(
    identity: Identity, issuer: Issuer, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest goes first."""
    monkeypatch.setattr(identity_module, "_MAX_REMEMBERED", 3)
    tokens = [issuer.token(subject=str(number)) for number in range(5)]
    for token in tokens:
        identity.caller(token)
    assert len(identity._verified) == 3
    identity.caller(tokens[4])
    assert len(asked) == 5
    identity.caller(tokens[0])
    assert len(asked) == 6


def test_a_refused_token_is_not_remembered(identity: Identity, issuer: Issuer) -> None:
    """Nor does it take room."""
    forger = Forger(issuer, another_issuer())
    for _ in range(3):
        with pytest.raises(Unauthorized):
            identity.caller(forger.signed_by_another())
    assert not identity._verified


def test_without_a_token_a_caller_is_anonymous(identity: Identity) -> None:
    assert identity.caller(None) == ANONYMOUS


@pytest.mark.parametrize(
    ("claim", "value", "says"),
    [
        ("exp", "Infinity", "Its exp is expected to be a number of seconds since 1970"),
        ("iat", "NaN", "Its iat is expected to be a number of seconds since 1970"),
        ("nbf", "1e400", "Its nbf is expected to be a number of seconds since 1970"),
        ("nbf", "null", "Its nbf is expected to be a number of seconds since 1970"),
        ("exp", "true", "Its exp is expected to be a number of seconds since 1970"),
        ("nbf", "4102444800", "It has expired, or is not valid yet"),
    ],
)
def test_a_time_that_is_none_is_named(identity: Identity, issuer: Issuer, claim: str, value: str, says: str) -> None:
    """As it stands in the token: what signs for an issuer need not be Python."""
    now = int(time.time())
    times = {"exp": str(now + 60), "iat": str(now), "nbf": str(now)} | {claim: value}
    with pytest.raises(Unauthorized, match=says):
        identity.caller(Forger(issuer, issuer).with_times(**times))


@pytest.mark.parametrize("times", [{"nbf": 5}, {"iat": 5}, {"exp": -5}, {"iat": 0.5, "exp": 60.5, "nbf": -0.5}])
def test_clocks_may_differ_by_ten_seconds(identity: Identity, issuer: Issuer, times: dict[str, float]) -> None:
    """For each of the three times; and fractions of a second are times."""
    now = int(time.time())
    token = Forger(issuer, issuer).signed_by_issuer(**{name: now + ahead for name, ahead in times.items()})
    assert identity.caller(token).owner == f"{ISSUER} id-of-alice"


def test_an_admin_is_compared_by_ascii_letters_alone(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    """The lower case of U+212A, KELVIN SIGN, is k: an address of its owner's is nobody else's, whoever is configured."""
    kelvin, dotted = "\u212aim@example.com", "k\u0130m@example.com"
    identity = Identity(
        Trust(frozenset({AUDIENCE}), frozenset({"Kim@Example.com", "\u212aate@example.com"}), ISSUER),
        issuer.keys.get,
        SystemRuntime(),
    )

    def caller(email: str) -> Caller:
        return identity.caller(issuer.token(subject="somebody", email=email))

    for email in ("kim@example.com", "KIM@EXAMPLE.COM", "Kim@Example.com"):
        assert caller(email) == Caller(f"{ISSUER} somebody", "kim@example.com", admin=True)
    for email in (
        kelvin,
        dotted,
        "kate@example.com",
        "Kate@example.com",
        "\u212aate@example.com",
        "kim@example.com\u0307",
    ):
        assert not caller(email).admin
    assert caller(kelvin).email == kelvin
    assert "the admin '\\u212aate@example.com' is ignored" in caplog.text


@pytest.mark.parametrize("audience", [AUDIENCE, "https://other.example"])
def test_a_token_may_be_for_any_of_the_audiences(identity: Identity, issuer: Issuer, audience: str) -> None:
    assert identity.caller(issuer.token(subject="alice", audience=audience)).owner == f"{ISSUER} alice"


def test_a_wrong_audience_is_named_with_those_that_are_expected(identity: Identity, issuer: Issuer) -> None:
    """The most common mistake can be mended from the answer."""
    with pytest.raises(Unauthorized, match=r"audience https://other.example, pubsub-emulator; it is for 'https://x'"):
        identity.caller(issuer.token(subject="alice", audience="https://x"))


@pytest.mark.parametrize("written", ["https://accounts.google.com", "accounts.google.com"])
def test_google_is_one_issuer_however_it_writes_itself(issuer: Issuer, written: str) -> None:
    """Else one account would be two owners."""
    google = Identity(Trust(frozenset({AUDIENCE})), issuer.keys.get, SystemRuntime())
    token = Forger(issuer, issuer).signed_by_issuer(iss=written, sub="117")
    assert google.caller(token).owner == "https://accounts.google.com 117"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"PUBSUB_IDENTITY": "true"}, "PUBSUB_IDENTITY: on or off is expected; got 'true'"),
        ({"PUBSUB_IDENTITY": ""}, "PUBSUB_IDENTITY: on or off is expected; got ''"),
        ({"PUBSUB_IDENTITY": "on"}, "PUBSUB_AUDIENCES: at least one audience"),
        ({"PUBSUB_IDENTITY": "on", "PUBSUB_AUDIENCES": " , "}, "PUBSUB_AUDIENCES: at least one audience"),
    ],
)
def test_a_mistake_in_the_environment_opens_nothing(environment: dict[str, str], says: str) -> None:
    """It is an error, with what was expected."""
    with pytest.raises(ValueError, match=says):
        identity_from_environment(environment, SystemRuntime())


def test_the_environment_switches_it_on_and_off() -> None:
    """Off by default, whatever else is set."""
    settings = {
        "PUBSUB_AUDIENCES": "https://a.example, https://b.example",
        "PUBSUB_ADMINS": "Root@Example.com,x@y.example",
    }
    assert identity_from_environment(settings, SystemRuntime()) is None
    assert identity_from_environment({**settings, "PUBSUB_IDENTITY": "off"}, SystemRuntime()) is None
    identity = identity_from_environment({**settings, "PUBSUB_IDENTITY": "on"}, SystemRuntime())
    assert identity is not None
    assert identity._trust.audiences == {"https://a.example", "https://b.example"}
    assert identity._trust.admins == {"root@example.com", "x@y.example"}
    assert identity._trust.issuer == "https://accounts.google.com"


@pytest.fixture
def caller_of() -> Iterator[Callable[[str], None]]:
    yield lambda name: set_caller(Caller(name))
    set_caller(None)


def test_a_name_can_be_handed_over(tmp_path: Path, caller_of: Callable[[str], None]) -> None:
    """By its document's ``owner``: a process that remembers the old owner finds the new one."""
    store = SQLiteStore(tmp_path / "store.sqlite3")
    topics = Topics(store, SystemRuntime(), Settings())
    caller_of("alice")
    topics.ensure_publisher("shop")
    caller_of("bob")
    with pytest.raises(Forbidden):
        topics.ensure_publisher("shop")
    doc = store.get_many([publisher_path("shop")]).docs[0]
    assert doc is not None
    store.update(doc.path, {**doc.data, "owner": "bob"}, doc.updated)
    topics.ensure_publisher("shop")
    caller_of("alice")
    with pytest.raises(Forbidden):
        topics.ensure_publisher("shop")
    store.close()


def test_what_has_no_owner_is_anybodys(tmp_path: Path, caller_of: Callable[[str], None]) -> None:
    """Documents of before ownership, and those that were made while identity was off."""
    store = SQLiteStore(tmp_path / "store.sqlite3")
    store.create(publisher_path("old"), {"format": 1})
    Topics(store, SystemRuntime(), Settings()).ensure_publisher("new")
    caller_of("alice")
    for name in ("old", "new"):
        assert not Topics(store, SystemRuntime(), Settings()).register_publisher(name)
    store.close()
