"""The identity of this process's Google credentials: ID tokens, one per audience."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from pubsubclient._core.errors import ConfigurationError, IdentityError
from pubsubclient._core.extras import install_command
from pubsubclient._http.google_token import GoogleToken
from pubsubclient._http.identity import identity_headers

__all__ = ["GoogleIdentity"]

#: the key in `audiences` for the token that the service itself checks
_IDENTITY = "identity"


class GoogleIdentity:
    """The identity of this process's Google credentials: one ID token per audience, cached until shortly before it expires.

    Credentials are found as by Google's libraries (https://google.aip.dev/auth/4110): in the file that
    GOOGLE_APPLICATION_CREDENTIALS names, in the file of ``gcloud auth application-default login``, or from the metadata server
    of a machine in the cloud. Users and external accounts have no ID tokens; they need a service account to impersonate.

    Args:
        audiences: the audience of each function's token, by the function's name; by default the function's URL. The key
            ``"identity"`` sets the audience of the token that the service itself checks, if it differs from the function's
        impersonate: the email of a service account whose tokens to use

    Raises:
        IdentityError: google-auth is not installed
        ConfigurationError: `audiences` or `impersonate` is malformed
    """

    def __init__(self, *, audiences: Mapping[str, str] | None = None, impersonate: str | None = None) -> None:
        if not isinstance(audiences or {}, Mapping) or not all(
            isinstance(audience, str) and audience for audience in (audiences or {}).values()
        ):
            raise ConfigurationError(f"audiences: expected a URL for each function; got {audiences!r}.")
        if impersonate is not None and (not isinstance(impersonate, str) or "@" not in impersonate):
            raise ConfigurationError(f"impersonate: expected the email of a service account; got {impersonate!r}.")
        if not _is_installed():
            raise IdentityError(f"Google's identities need google-auth: {install_command('gcp')}")
        self._audiences = dict(audiences or {})
        self._impersonate = impersonate
        self._tokens: dict[str, GoogleToken] = {}

    def headers(self, function: str, url: str) -> Mapping[str, str]:
        audience = self._audiences.get(function, url)
        own = self._audiences.get(_IDENTITY, audience)
        token = self._token(audience)
        return identity_headers(token, token if own == audience else self._token(own))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GoogleIdentity) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return (self._impersonate, *sorted(self._audiences.items()))

    def _token(self, audience: str) -> str:
        # setdefault is atomic, so concurrent first calls get the same object
        found = self._tokens.get(audience) or self._tokens.setdefault(
            audience, GoogleToken(audience, self._impersonate)
        )
        return found.get()


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec("google.auth") is not None
    except ModuleNotFoundError:
        return False
