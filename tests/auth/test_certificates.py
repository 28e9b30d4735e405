"""Where Google's certificates come from, and how long they are kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from auth.loopback import Answer, Loopback
from pubsub_emulator.issuer import AUDIENCE, ISSUER, Issuer
from pubsubservice.certificates import Certificates
from pubsubservice.identity import Identity, Trust
from pubsubservice.problems import Unavailable
from pubsubservice.runtime import SystemRuntime


class MovableRuntime(SystemRuntime):
    """The real process, whose monotonic clock a test moves on."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s


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
