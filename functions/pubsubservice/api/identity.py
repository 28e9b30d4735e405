"""Identifies callers by the ID token in ``X-Pubsub-Token``, which this process verifies itself.

``Authorization`` and ``X-Serverless-Authorization`` are ignored: Cloud Run checks at most one of them, replaces the signature
of the one it checked, and checks neither in a service that anyone may call. Verified are the signature (RS256), the issuer,
the audience and the expiry. The expiry is compared with this process's clock: it is a time of the outside world, on which no
rule of the log depends.

Source: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from google.auth import exceptions, jwt

from pubsubservice.api.certificates import Certificates
from pubsubservice.core.ownership import ANONYMOUS, TOKEN_HEADER, Caller
from pubsubservice.core.problems import Unauthorized
from pubsubservice.core.runtime import Runtime

__all__ = ["GOOGLE_ISSUER", "Identity", "Keys", "Trust", "identity_from_environment"]

_logger = logging.getLogger("pubsubservice.identity")

GOOGLE_ISSUER = "https://accounts.google.com"

#: returns the key or certificate (PEM) of a key id, None for an unknown id; raises Unavailable
Keys = Callable[[str], str | None]

_MAX_TOKEN_BYTES = 8 * 1024
#: characters of a subject; OpenID Connect's own limit
_MAX_SUBJECT = 255
#: how much the clocks of the issuer and of this process may differ, seconds
_SKEW_S = 10
#: the end of the year 9999, seconds since 1970; computations with later times may overflow
_MAX_TIME = 253_402_300_799
#: verified tokens that a process caches, of about 300 bytes each
_MAX_REMEMBERED = 10_000


@dataclass(frozen=True)
class Trust:
    """Which tokens are accepted, and which callers are admins. Raises ValueError without an audience."""

    #: a token must name one of these audiences
    audiences: frozenset[str]
    #: email addresses of admins; stored in lower case, and addresses with other than ASCII characters are left out
    admins: frozenset[str] = frozenset()
    issuer: str = GOOGLE_ISSUER

    def __post_init__(self) -> None:
        if not self.audiences:
            raise ValueError("audiences: at least one is expected, or tokens for other services would be accepted")
        for admin in sorted(self.admins):
            if not admin.isascii():
                _logger.warning("the admin %a is ignored: an email address of ASCII characters is expected", admin)
        object.__setattr__(self, "admins", frozenset(_folded(admin) for admin in self.admins if admin.isascii()))


class Identity:
    """Verifies tokens, and caches valid ones until they expire."""

    def __init__(self, trust: Trust, keys: Keys, runtime: Runtime) -> None:
        self._trust = trust
        self._keys = keys
        self._lock = runtime.new_lock()
        #: by the hash of a token: when it expires (seconds since 1970), and its caller
        self._verified: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    def caller(self, token: str | None) -> Caller:
        """Return the caller that a token names, `ANONYMOUS` without one. Raises Unauthorized, Unavailable."""
        if token is None:
            return ANONYMOUS
        key = blake2b(token.encode(), digest_size=32).digest()
        with self._lock:
            expires, caller = self._verified.get(key, (0.0, ANONYMOUS))
        if time.time() < expires:
            return caller
        claims = self._claims(token)
        caller = self._caller(claims)
        with self._lock:
            self._verified[key] = float(claims["exp"]), caller
            self._verified.move_to_end(key)
            if len(self._verified) > _MAX_REMEMBERED:
                self._verified.popitem(last=False)
        return caller

    def _claims(self, token: str) -> Mapping[str, Any]:
        """Verify the signature, times, issuer and audience of a token; return its claims. Raises Unauthorized, Unavailable."""
        try:
            key_id, key = self._key(token)
            _check_times(jwt.decode(token, verify=False))
            claims: Mapping[str, Any] = jwt.decode(token, certs={key_id: key}, clock_skew_in_seconds=_SKEW_S)
        except exceptions.InvalidValue:
            raise _invalid("It has expired, or is not valid yet.") from None
        # JSON that is nested too deeply raises RecursionError
        except (exceptions.GoogleAuthError, ValueError, TypeError, RecursionError):
            raise _invalid("It is malformed, or its signature is not that of a known key.") from None
        issuer = claims.get("iss")
        if issuer not in (self._trust.issuer, self._trust.issuer.removeprefix("https://")):
            raise _invalid(f"It is expected from {self._trust.issuer}; it is from {str(issuer)[:200]!r}.")
        audience = claims.get("aud")
        if not isinstance(audience, str) or audience not in self._trust.audiences:
            expected = ", ".join(sorted(self._trust.audiences))
            raise _invalid(f"It is expected for the audience {expected}; it is for {str(audience)[:200]!r}.")
        return claims

    def _key(self, token: str) -> tuple[str, str]:
        """Return the key named by the token's `kid`, and that id. The signature is not verified yet."""
        if len(token) > _MAX_TOKEN_BYTES:
            raise _invalid(f"It is expected to have at most {_MAX_TOKEN_BYTES} bytes; it has {len(token)}.")
        header = jwt.decode_header(token)
        # exactly one algorithm is allowed: a token must not choose how it is verified
        if header.get("alg") != "RS256":
            raise _invalid(f"It is expected to be signed with RS256; its alg is {str(header.get('alg'))[:20]!r}.")
        key_id = header.get("kid")
        key = self._keys(key_id) if isinstance(key_id, str) else None
        if not isinstance(key_id, str) or key is None:
            raise _invalid("Its key is not known: expected is the kid of a key that this service trusts.")
        return key_id, key

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 1 <= len(subject) <= _MAX_SUBJECT or not _is_text(subject):
            raise _invalid(f"Its sub is expected to have 1 to {_MAX_SUBJECT} characters.")
        email = claims.get("email") if claims.get("email_verified") is True else None
        email = _folded(email) if isinstance(email, str) else None
        # the issuer as configured: Google writes its own with and without https://, which must not make two identities of one
        return Caller(f"{self._trust.issuer} {subject}", email, admin=email in self._trust.admins)


def _check_times(claims: Mapping[str, Any]) -> None:
    """Raise Unauthorized for invalid times, and for a token before its ``nbf``, which google-auth does not check.

    Python's JSON decoder accepts NaN, Infinity and numbers of any size, and a boolean is an int.
    Source: RFC 7519, 4.1.4 to 4.1.6.
    """
    for name in ("exp", "iat", "nbf"):
        if name == "nbf" and name not in claims:
            continue
        time_s: Any = claims.get(name)
        # the comparison is false for NaN
        if type(time_s) not in (int, float) or not 0 <= time_s <= _MAX_TIME:
            raise _invalid(f"Its {name} is expected to be a number of seconds since 1970, before the year 10000.")
    if time.time() < claims.get("nbf", 0) - _SKEW_S:
        raise _invalid("It has expired, or is not valid yet.")


def identity_from_environment(environment: Mapping[str, str], runtime: Runtime) -> Identity | None:
    """Return the identity check that the environment configures; None if identity is off.

    ``PUBSUB_IDENTITY`` (``on`` or ``off``, the default), ``PUBSUB_AUDIENCES`` (audiences of tokens, comma-separated),
    ``PUBSUB_ADMINS`` (verified email addresses, comma-separated). Raises ValueError for invalid values, so that a mistake
    does not open the service to everybody.
    """
    switch = environment.get("PUBSUB_IDENTITY", "off")
    if switch == "off":
        return None
    if switch != "on":
        raise ValueError(f"PUBSUB_IDENTITY: on or off is expected; got {switch!r}")
    audiences = _listed(environment.get("PUBSUB_AUDIENCES", ""))
    if not audiences:
        raise ValueError("PUBSUB_AUDIENCES: at least one audience is expected with PUBSUB_IDENTITY=on")
    admins = _listed(environment.get("PUBSUB_ADMINS", ""))
    return Identity(Trust(audiences, admins), Certificates(runtime), runtime)


def _listed(text: str) -> frozenset[str]:
    return frozenset(filter(None, (part.strip() for part in text.split(","))))


def _folded(email: str) -> str:
    """Fold an address for comparison: to lower case if it is ASCII; others are unchanged, and never an admin's.

    Folding Unicode would turn other people's addresses into an admin's: the lower case of U+212A, KELVIN SIGN, is k.
    """
    return email.lower() if email.isascii() else email


def _is_text(value: str) -> bool:
    """Whether a string from JSON can be stored: a lone surrogate such as ``"\\ud800"`` cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _invalid(reason: str) -> Unauthorized:
    return Unauthorized(
        "invalid_identity_token", f"{TOKEN_HEADER} holds no ID token that this service trusts. {reason}"
    )
