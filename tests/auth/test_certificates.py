"""Where Google's certificates come from, and how long they are kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import requests

from auth.certified import certificate_of_another_kind, certified
from auth.loopback import Answer, Asked, Loopback
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.issuer import AUDIENCE, ISSUER, Issuer
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubservice.api import certificates
from pubsubservice.api.certificates import Certificates
from pubsubservice.api.identity import Identity, Trust
from pubsubservice.core.problems import Unavailable
from pubsubservice.core.runtime import SystemRuntime


class MovableRuntime(SystemRuntime):
    """The real process, whose monotonic clock a test moves on."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s


def _published(*names: str, age_s: int = 7200) -> Answer:
    """The certificates of these keys, as Google answers them."""
    return Answer({name: certified(name).certificate for name in names}, {"Cache-Control": f"public, max-age={age_s}"})


@pytest.fixture
def server() -> Iterator[Loopback]:
    running = Loopback()
    yield running
    running.close()


def test_tokens_are_verified_by_certificates_that_are_fetched(server: Loopback) -> None:
    """Once, for as long as they say."""
    key, certificate = certified("google")
    issuer = Issuer(key)
    server.answer("/certs", Answer({issuer.key_id: certificate}, {"Cache-Control": "public, max-age=7200"}))
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
    server.answer("/certs", _published("old"))
    assert keys("old") == certified("old").certificate
    server.answer("/certs", _published("old", "new"))
    assert [keys(f"made up {number}") for number in range(100)] == [None] * 100
    assert len(server.asked) == 1
    runtime.ahead_s = 61
    assert keys("new") == certified("new").certificate
    assert len(server.asked) == 2
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


BROKEN_ANSWERS = {
    "503": Answer({}, status=503),
    "not found": Answer({}, status=404),
    "no certificate": Answer({}),
    "a text": Answer("not a dict"),
    "a list": Answer([1]),
    "a list of pairs": Answer([["a", certified("a").certificate]]),
    "no text": Answer({"a": certified("a").certificate, "b": None}),
    "a set of keys": Answer({"keys": [{"kid": "a", "kty": "RSA"}]}),
    "an error": Answer({"error": "quota exceeded"}),
    "an empty text": Answer({"a": ""}),
    "no PEM": Answer({"a": "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"}),
    "not JSON": Answer(raw=b"<html>"),
    "not UTF-8": Answer(raw=b'{"a": "\xff"}'),
    "nested deep": Answer(raw=b"[" * 100_000),
    "too large": Answer(raw=b'{"a": "%b"}' % (b"a" * 1024 * 1024)),
}


@pytest.mark.parametrize("broken", BROKEN_ANSWERS)
def test_without_certificates_nobody_is_believed_and_nobody_refused(server: Loopback, broken: str) -> None:
    """A 503: the token may be good. They are asked for again some seconds later, not for each request."""
    runtime = MovableRuntime()
    keys = Certificates(runtime, f"{server.url}/certs")
    server.answer("/certs", BROKEN_ANSWERS[broken])
    for _ in range(10):
        with pytest.raises(Unavailable) as raised:
            keys("a")
        assert (raised.value.status, raised.value.code) == (503, "certificates_unavailable")
        assert 1 <= int(raised.value.headers["Retry-After"]) <= 5
    assert len(server.asked) == 1
    server.answer("/certs", _published("a"))
    runtime.ahead_s = 6
    assert keys("a") == certified("a").certificate


def test_what_is_kept_serves_while_google_does_not_answer(server: Loopback) -> None:
    """Until it is too old; a key that is not among it may be a new one, so nobody is refused for it."""
    runtime = MovableRuntime()
    keys = Certificates(runtime, f"{server.url}/certs")
    server.answer("/certs", _published("a", age_s=600))
    assert keys("a") == certified("a").certificate
    server.answer("/certs", Answer({}, status=500))
    runtime.ahead_s = 300
    for number in range(100):
        with pytest.raises(Unavailable):
            keys(f"new or made up {number}")
        assert keys("a") == certified("a").certificate
    assert len(server.asked) == 2
    runtime.ahead_s = 601
    with pytest.raises(Unavailable):
        keys("a")
    assert len(server.asked) == 3
    server.answer("/certs", _published("a", "b"))
    runtime.ahead_s = 607
    assert keys("b") == certified("b").certificate


@pytest.mark.parametrize("broken", ["no certificate", "an error", "a set of keys", "not JSON"])
def test_what_is_no_certificate_takes_nothing_away(server: Loopback, broken: str) -> None:
    """A success without certificates is a fetch that failed: what was there stays, for as long as it said."""
    runtime = MovableRuntime()
    keys = Certificates(runtime, f"{server.url}/certs")
    server.answer("/certs", _published("a", age_s=600))
    keys("a")
    server.answer("/certs", BROKEN_ANSWERS[broken])
    runtime.ahead_s = 61
    with pytest.raises(Unavailable):
        keys("b")
    assert keys("a") == certified("a").certificate


def test_a_certificate_of_another_kind_does_not_spoil_the_others(server: Loopback) -> None:
    """Some day there may be one. What is none at all is left out: its tokens are those of an unknown key."""
    keys = Certificates(SystemRuntime(), f"{server.url}/certs")
    published = {"a": certified("a").certificate, "curve": certificate_of_another_kind(), "none": "quota exceeded"}
    server.answer("/certs", Answer(published))
    assert keys("a") == certified("a").certificate
    assert keys("none") is None


def test_many_at_once_fetch_the_certificates_once(server: Loopback) -> None:
    """A cold start with a full queue."""
    keys = Certificates(SystemRuntime(), f"{server.url}/certs")
    server.answer("/certs", _published("a"))
    failed_as_group = threading.Barrier(64)
    found: list[str | None] = []

    def ask() -> None:
        failed_as_group.wait()
        found.append(keys("a"))

    threads = [threading.Thread(target=ask) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [certified("a").certificate] * 64
    assert len(server.asked) == 1


class _Waiting(threading.Event):
    """An event that tells when somebody waits for it."""

    def __init__(self, waiting: threading.Semaphore) -> None:
        super().__init__()
        self._waiting = waiting

    def wait(self, timeout: float | None = None) -> bool:
        self._waiting.release()
        return super().wait(timeout)


class WatchedRuntime(MovableRuntime):
    """Its `waiting` is released by each thread that begins to wait for an event."""

    def __init__(self) -> None:
        self.waiting = threading.Semaphore(0)

    def new_event(self) -> threading.Event:
        return _Waiting(self.waiting)


def test_a_fetch_holds_up_nobody_whose_key_is_known(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow it is; and a forger, whose key is not, has a few threads wait, not all."""
    monkeypatch.setattr(certificates, "_MAX_WAITING", 2)
    runtime = WatchedRuntime()
    keys = Certificates(runtime, f"{server.url}/certs")
    server.answer("/certs", _published("a"))
    keys("a")
    asked, go_on = threading.Event(), threading.Event()

    def slow(_: Asked) -> Answer:
        asked.set()
        go_on.wait()
        return _published("a", "b")

    server.answer("/certs", slow)
    runtime.ahead_s = 61
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(keys("b"))) for _ in range(3)]
    threads[0].start()
    assert asked.wait(60)
    for thread in threads[1:]:
        thread.start()
        assert runtime.waiting.acquire(timeout=60)
    assert [keys("a") for _ in range(100)] == [certified("a").certificate] * 100
    with pytest.raises(Unavailable) as raised:
        keys("made up")
    assert raised.value.headers["Retry-After"] == "1"
    go_on.set()
    for thread in threads:
        thread.join()
    assert found == [certified("b").certificate] * 3
    assert len(server.asked) == 2


def test_a_token_of_a_new_key_is_answered_with_try_again(server: Loopback) -> None:
    """Over HTTP: 503 with Retry-After while Google cannot be reached, then what the token is worth."""
    runtime = MovableRuntime()
    old, new = Issuer(certified("old").key), Issuer(certified("new").key)
    by_id = {issuer.key_id: certified(name).certificate for issuer, name in ((old, "old"), (new, "new"))}
    server.answer("/certs", Answer({old.key_id: by_id[old.key_id]}))
    trust = Trust(frozenset({AUDIENCE}), issuer=ISSUER)
    store = EphemeralStore()
    with Emulator(store, identity=Identity(trust, Certificates(runtime, f"{server.url}/certs"), runtime)) as emulator:

        def register(issuer: Issuer, name: str) -> requests.Response:
            token = issuer.token(subject="alice")
            body, headers = {"subscriber": name}, {"X-Pubsub-Token": token}
            return requests.post(f"{emulator.url}/register", json=body, headers=headers, timeout=60)

        assert register(old, "billing").status_code == 201
        server.answer("/certs", Answer({}, status=500))
        runtime.ahead_s = 61
        refused = register(new, "billing")
        assert (refused.status_code, refused.json()["code"]) == (503, "certificates_unavailable")
        assert 1 <= int(refused.headers["Retry-After"]) <= 5
        assert register(old, "audit").status_code == 201
        server.answer("/certs", Answer(by_id))
        runtime.ahead_s = 67
        assert register(new, "billing").status_code == 200
        assert register(Issuer(certified("nobody").key), "billing").status_code == 401
    store.close()
