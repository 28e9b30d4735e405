"""Verifying tokens within one process: what is remembered, where certificates come from, how it is switched on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from auth.loopback import Answer, Loopback
from auth.people import Forger, another_issuer
from pubsub_emulator.issuer import AUDIENCE, ISSUER, Issuer
from pubsub_emulator.sqlite import SQLiteStore
from pubsubservice import identity as identity_module
from pubsubservice.certificates import Certificates
from pubsubservice.identity import Identity, Trust, identity_from_environment
from pubsubservice.names import publisher_path
from pubsubservice.ownership import ANONYMOUS, Caller, set_caller
from pubsubservice.problems import Forbidden, Unauthorized, Unavailable
from pubsubservice.runtime import SystemRuntime
from pubsubservice.settings import Settings
from pubsubservice.topics import Topics


class MovableRuntime(SystemRuntime):
    """The real process, whose monotonic clock a test moves on."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return another_issuer()


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


def _certificate(key: rsa.RSAPrivateKey) -> str:
    """As Google publishes its keys."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.example")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=7))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def server() -> Iterator[Loopback]:
    running = Loopback()
    yield running
    running.close()


def test_tokens_are_verified_by_certificates_that_are_fetched(server: Loopback) -> None:
    """Once, for as long as they say."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    issuer = Issuer(pem)
    server.answer("/certs", Answer({issuer.key_id: _certificate(key)}, {"Cache-Control": "public, max-age=7200"}))
    runtime = MovableRuntime()
    keys = Certificates(runtime, f"{server.url}/certs")
    google = Identity(Trust(frozenset({AUDIENCE}), issuer=ISSUER), keys, runtime)
    for number in range(5):
        assert google.caller(issuer.token(subject=str(number))).owner == f"{ISSUER} {number}"
    runtime.ahead_s = 7190
    google.caller(issuer.token(subject="late"))
    assert len(server.asked) == 1
    runtime.ahead_s = 7210
    google.caller(issuer.token(subject="later"))
    assert len(server.asked) == 2


def test_a_new_key_is_fetched_and_unknown_ones_do_not_flood(server: Loopback) -> None:
    """Google changes keys; a forger names any key in each request."""
    runtime = MovableRuntime()
    keys = Certificates(runtime, f"{server.url}/certs")
    server.answer("/certs", Answer({"old": "OLD"}, {"Cache-Control": "max-age=7200"}))
    assert keys("old") == "OLD"
    server.answer("/certs", Answer({"old": "OLD", "new": "NEW"}, {"Cache-Control": "max-age=7200"}))
    assert [keys(f"made up {number}") for number in range(100)] == [None] * 100
    assert len(server.asked) == 1
    runtime.ahead_s = 61
    assert keys("new") == "NEW"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "broken",
    [Answer({}, status=503), Answer("not a dict"), Answer([1]), Answer(raw=b"<html>")],
    ids=["503", "a text", "a list", "not JSON"],
)
def test_without_certificates_nobody_is_believed_and_nobody_refused(server: Loopback, broken: Answer) -> None:
    """A 503: the token may be good. They are asked for again some seconds later, not for each request."""
    runtime = MovableRuntime()
    keys = Certificates(runtime, f"{server.url}/certs")
    server.answer("/certs", broken)
    for _ in range(10):
        with pytest.raises(Unavailable) as raised:
            keys("a")
        assert (raised.value.status, raised.value.code) == (503, "certificates_unavailable")
    assert len(server.asked) == 1
    server.answer("/certs", Answer({"a": "A"}))
    runtime.ahead_s = 6
    assert keys("a") == "A"


def test_what_is_kept_serves_while_google_does_not_answer(server: Loopback) -> None:
    """Until it is too old."""
    runtime = MovableRuntime()
    keys = Certificates(runtime, f"{server.url}/certs")
    server.answer("/certs", Answer({"a": "A"}, {"Cache-Control": "max-age=600"}))
    assert keys("a") == "A"
    server.answer("/certs", Answer({}, status=500))
    runtime.ahead_s = 300
    assert keys("b") is None
    assert keys("a") == "A"
    runtime.ahead_s = 601
    with pytest.raises(Unavailable):
        keys("a")


def test_many_at_once_fetch_the_certificates_once(server: Loopback) -> None:
    """A cold start with a full queue."""
    keys = Certificates(SystemRuntime(), f"{server.url}/certs")
    server.answer("/certs", Answer({"a": "A"}))
    together = threading.Barrier(16)
    found: list[str | None] = []

    def ask() -> None:
        together.wait()
        found.append(keys("a"))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["A"] * 16
    assert len(server.asked) == 1


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
