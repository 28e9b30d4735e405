"""Finds this process's Google credentials, and makes credentials for ID tokens from them.

Sources: https://google.aip.dev/auth/4110 for where credentials are found,
https://cloud.google.com/docs/authentication/get-id-token for how ID tokens are made.

google-auth's ``fetch_id_token`` supports only service account keys and the metadata server. Users and external accounts have
no ID tokens for an audience; they have to impersonate a service account (``generateIdToken``).

google-auth is only partly typed, so its objects are Any here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.auth import aws, compute_engine, exceptions, identity_pool, impersonated_credentials, pluggable
from google.auth import external_account_authorized_user as workforce
from google.oauth2 import credentials as user
from google.oauth2 import id_token, service_account

from pubsubclient._core.errors import IdentityError

__all__ = ["id_token_credentials"]

_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_FILE_SETTING = "GOOGLE_APPLICATION_CREDENTIALS"


def id_token_credentials(audience: str, impersonate: str | None, request: Any) -> Any:
    """Return credentials whose ``refresh`` fetches an ID token for `audience`.

    Args:
        audience: the audience of the token
        impersonate: the email of a service account to impersonate; None for a token of the credentials themselves
        request: the callable with which google-auth sends requests

    Raises:
        IdentityError: there are no credentials, or they give no ID tokens; the message says what to do
    """
    found = _default_file()
    if found is None:
        if impersonate is None:
            return _from_metadata_server(audience, request)
        return _impersonated(compute_engine.Credentials(), impersonate, audience)
    path, info = found
    try:
        return _from_file(info, audience, impersonate)
    except (exceptions.GoogleAuthError, ValueError, KeyError, AttributeError) as error:
        raise IdentityError(f"{path} holds no Google credentials that can be used: {error}.") from error


def _from_file(info: Mapping[str, Any], audience: str, impersonate: str | None) -> Any:
    kind = info.get("type")
    if kind == "service_account" and impersonate is None:
        return service_account.IDTokenCredentials.from_service_account_info(info, target_audience=audience)
    if kind == "impersonated_service_account":
        target = impersonated_credentials.Credentials.from_impersonated_service_account_info(info, scopes=_SCOPES)
        if impersonate is None:
            return impersonated_credentials.IDTokenCredentials(target, audience, include_email=True)
        return _impersonated(target, impersonate, audience)
    source = _source(info)
    if kind == "external_account":
        impersonate = impersonate or _impersonated_account(info.get("service_account_impersonation_url"))
    if impersonate is None:
        raise IdentityError(
            f"Google credentials of the type {kind} have no ID tokens for a service. Name a service account to "
            'impersonate: "impersonate": "NAME@PROJECT.iam.gserviceaccount.com" in config.json, or '
            "GoogleIdentity(impersonate=...); the credentials need the role roles/iam.serviceAccountOpenIdTokenCreator on it."
        )
    return _impersonated(source, impersonate, audience)


def _source(info: Mapping[str, Any]) -> Any:
    """Return the credentials of a file, as the source of an impersonation."""
    kind = info.get("type")
    if kind == "service_account":
        return service_account.Credentials.from_service_account_info(info, scopes=_SCOPES)
    if kind == "authorized_user":
        return user.Credentials.from_authorized_user_info(info)
    if kind == "external_account_authorized_user":
        return workforce.Credentials.from_info(info)
    if kind == "external_account":
        # the external account itself, not the service account that it may impersonate for access tokens
        direct = {key: value for key, value in info.items() if not key.startswith("service_account_impersonation")}
        return _external(direct)
    raise ValueError(f"the type {kind!r} is not known")


def _external(info: Mapping[str, Any]) -> Any:
    if str(info.get("subject_token_type")).startswith("urn:ietf:params:aws:"):
        return aws.Credentials.from_info(info, scopes=_SCOPES)
    if "executable" in (info.get("credential_source") or {}):
        return pluggable.Credentials.from_info(info, scopes=_SCOPES)
    return identity_pool.Credentials.from_info(info, scopes=_SCOPES)


def _impersonated(source: Any, principal: str, audience: str) -> Any:
    target = impersonated_credentials.Credentials(source, principal, _SCOPES)
    return impersonated_credentials.IDTokenCredentials(target, audience, include_email=True)


def _from_metadata_server(audience: str, request: Any) -> Any:
    try:
        return id_token.fetch_id_token_credentials(audience, request)
    except exceptions.DefaultCredentialsError as error:
        raise IdentityError(
            f"No Google credentials were found: {_FILE_SETTING} names no file, there was no `gcloud auth "
            "application-default login`, and no metadata server answers. Do one of these, or give a token by "
            "PUBLISH_SUBSCRIBE_TOKEN or identity=."
        ) from error


def _impersonated_account(url: object) -> str | None:
    """Return the service account's email from an impersonation URL; None if `url` is no such URL."""
    name, action, _ = str(url).rpartition("/")[2].partition(":generateAccessToken")
    return name if action else None


def _default_file() -> tuple[Path, Mapping[str, Any]] | None:
    """Return the path and the content of the default credentials file; None if no file exists. Raises IdentityError."""
    named = os.environ.get(_FILE_SETTING)
    path = Path(named) if named else _gcloud_path()
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if named:
            raise IdentityError(f"{_FILE_SETTING} names {named}, which does not exist.") from error
        return None
    except (OSError, ValueError) as error:
        raise IdentityError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(info, Mapping):
        raise IdentityError(f"{path} holds no Google credentials: expected a JSON object.")
    return path, info


def _gcloud_path() -> Path:
    """Return the path where ``gcloud auth application-default login`` stores credentials."""
    if "CLOUDSDK_CONFIG" in os.environ:
        folder = Path(os.environ["CLOUDSDK_CONFIG"])
    elif os.name == "nt":
        folder = Path(os.environ.get("APPDATA", "C:\\")) / "gcloud"
    else:
        folder = Path.home() / ".config" / "gcloud"
    return folder / "application_default_credentials.json"
