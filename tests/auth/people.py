"""Who calls in these tests, and the tokens that they send, honest and not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from pubsub_emulator.issuer import AUDIENCE, ISSUER, Issuer

__all__ = ["ADMIN", "FORGERIES", "PEOPLE", "Forger", "People", "another_issuer"]

ADMIN = "root@example.com"
#: alice and bob have an account, root is an admin, anonymous sends no token
PEOPLE = ("alice", "bob", "anonymous", "root")

#: how long what an honest issuer signs is valid, seconds
_LIFE_S = 3600


class People:
    """The headers that each person sends."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.tokens = {
            name: issuer.token(subject=f"id-of-{name}", email=f"{name}@example.com")
            for name in ("alice", "bob", "root")
        }

    def headers(self, name: str) -> dict[str, str]:
        return {"X-Pubsub-Token": self.tokens[name]} if name in self.tokens else {}


class Forger:
    """Makes tokens that say they are alice's, and an admin's: by a key of its own, or as the issuer makes them for others."""

    def __init__(self, issuer: Issuer, own: Issuer) -> None:
        #: the trusted one, where it would sign itself: for another audience, or long ago
        self._issuer = issuer
        self._own = own
        (self.key_id,) = issuer.keys

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": "id-of-alice", "aud": AUDIENCE, "iat": now, "exp": now + _LIFE_S,
            "email": ADMIN, "email_verified": True,
        }  # fmt: skip
        return {key: value for key, value in {**claims, **changed}.items() if value is not None}

    def signed_by_issuer(self, **changed: Any) -> str:
        return _text(jwt.encode(self._issuer._signer, self.claims(**changed)))

    def with_times(self, **times: str) -> str:
        """What the issuer signs with these claims as they are written, which may be no JSON at all."""
        claims = json.dumps(self.claims(exp=None, iat=None))[:-1]
        written = "".join(f', "{name}": {time_s}' for name, time_s in times.items())
        head = f"{_part({'alg': 'RS256', 'typ': 'JWT', 'kid': self.key_id})}.{_part(f'{claims}{written}}}')}"
        return f"{head}.{_base64(self._issuer._signer.sign(head.encode()))}"

    def signed_by_another(self) -> str:
        """With the issuer's key id."""
        return _text(jwt.encode(self._own._signer, self.claims(), key_id=self.key_id))

    def of_unknown_key(self) -> str:
        return _text(jwt.encode(self._own._signer, self.claims()))

    def unsigned(self, alg: str = "none") -> str:
        return f"{_part({'alg': alg, 'typ': 'JWT', 'kid': self.key_id})}.{_part(self.claims())}."

    def by_public_key(self) -> str:
        """HS256 with what everybody knows as the secret."""
        head = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': self.key_id})}.{_part(self.claims())}"
        secret = self._issuer.keys[self.key_id].encode()
        return f"{head}.{_base64(hmac.new(secret, head.encode(), hashlib.sha256).digest())}"

    def with_other_claims(self) -> str:
        """The signature of a token of bob's."""
        head, _, signature = self.signed_by_issuer(sub="id-of-bob").split(".")
        return f"{head}.{_part(self.claims())}.{signature}"

    def without_signature(self) -> str:
        """As Cloud Run passes on what it has checked."""
        return self.signed_by_issuer().rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"

    def with_header(self, header: Mapping[str, Any] | str) -> str:
        """The issuer's signature over another one's header."""
        _, claims, signature = self.signed_by_issuer().split(".")
        return f"{_part(header)}.{claims}.{signature}"


FORGERIES: dict[str, Callable[[Forger], str]] = {
    "signed by another key": Forger.signed_by_another,
    "of an unknown key": Forger.of_unknown_key,
    "unsigned": Forger.unsigned,
    "unsigned, said to be RS256": lambda forger: forger.unsigned("RS256"),
    "HS256 with the public key": Forger.by_public_key,
    "claims of another token": Forger.with_other_claims,
    "signature removed by Google": Forger.without_signature,
    "expired": lambda forger: forger.signed_by_issuer(iat=int(time.time()) - 7200, exp=int(time.time()) - 60),
    "not valid yet": lambda forger: forger.signed_by_issuer(iat=int(time.time()) + 60),
    "never expiring": lambda forger: forger.signed_by_issuer(exp=None),
    "expiring at a text": lambda forger: forger.signed_by_issuer(exp="2099"),
    "expiring at NaN": lambda forger: forger.signed_by_issuer(exp=math.nan),
    "expiring at Infinity": lambda forger: forger.signed_by_issuer(exp=math.inf),
    "expiring after the year 9999": lambda forger: forger.signed_by_issuer(exp=253_402_300_800),
    "expiring at a number that is no double": lambda forger: forger.signed_by_issuer(exp=10**400),
    "expiring at true": lambda forger: forger.signed_by_issuer(exp=True),
    "expiring at a list": lambda forger: forger.signed_by_issuer(exp=[int(time.time()) + 60]),
    "issued never": lambda forger: forger.signed_by_issuer(iat=None),
    "issued at NaN": lambda forger: forger.signed_by_issuer(iat=math.nan),
    "issued at -Infinity": lambda forger: forger.signed_by_issuer(iat=-math.inf),
    "issued at false": lambda forger: forger.signed_by_issuer(iat=False),
    "issued at a text": lambda forger: forger.signed_by_issuer(iat="1970"),
    "issued a huge time ago": lambda forger: forger.signed_by_issuer(iat=-(10**400)),
    "not to be used before": lambda forger: forger.signed_by_issuer(nbf=int(time.time()) + 60),
    "not to be used before NaN": lambda forger: forger.signed_by_issuer(nbf=math.nan),
    "not to be used before a text": lambda forger: forger.signed_by_issuer(nbf="now"),
    "not to be used before false": lambda forger: forger.signed_by_issuer(nbf=False),
    "not to be used before a huge time": lambda forger: forger.signed_by_issuer(nbf=10**400),
    "for another audience": lambda forger: forger.signed_by_issuer(aud="https://publish.example"),
    "for several audiences": lambda forger: forger.signed_by_issuer(aud=[AUDIENCE, "https://publish.example"]),
    "for no audience": lambda forger: forger.signed_by_issuer(aud=None),
    "of another issuer": lambda forger: forger.signed_by_issuer(iss="https://accounts.google.com"),
    "of several issuers": lambda forger: forger.signed_by_issuer(iss=[ISSUER]),
    "of nobody": lambda forger: forger.signed_by_issuer(sub=None),
    "of an endless subject": lambda forger: forger.signed_by_issuer(sub="a" * 256),
    "of a subject that is no text": lambda forger: forger.signed_by_issuer(sub=17),
    "of a subject with half a character": lambda forger: forger.signed_by_issuer(sub="id-of-\ud800"),
    "without a key id": lambda forger: forger.with_header({"alg": "RS256"}),
    "with a list as key id": lambda forger: forger.with_header({"alg": "RS256", "kid": [forger.key_id]}),
    "ES256": lambda forger: forger.with_header({"alg": "ES256", "kid": forger.key_id}),
    "nested deep": lambda forger: forger.with_header("[" * 5000 + "]" * 5000),
    "too long": lambda forger: forger.signed_by_issuer(more="a" * 9000),
    "a header that is no object": lambda forger: forger.with_header([]),
    "with Bearer": lambda forger: f"Bearer {forger.signed_by_issuer()}",
    "two of them": lambda forger: f"{forger.signed_by_issuer()}, {forger.signed_by_issuer()}",
    "not a token": lambda _: "alice@example.com",
    "not ASCII": lambda _: "\xe9.\xe9.\xe9",
    "empty": lambda _: "",
}


def another_issuer() -> Issuer:
    """An issuer that nobody trusts."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Issuer(pem)


def _part(content: Any) -> str:
    return _base64((content if isinstance(content, str) else json.dumps(content)).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _text(token: bytes) -> str:
    return token.decode()
