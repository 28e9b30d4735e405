"""What a process in Google's cloud, or beside it, speaks to: metadata server, token endpoint, IAM; with real signatures."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import compute_engine, iam, jwt
from google.oauth2 import credentials as user

from auth.loopback import Answer, Asked, Loopback
from pubsub_emulator.issuer import Issuer
from pubsubclient import Event, Publisher, Service, Subscriber

__all__ = ["AUDIENCES", "FUNCTIONS", "ROBOT", "RUNTIME", "Google", "new_key", "use_every_function"]

FUNCTIONS = ("register", "publish", "subscribe", "get_events")
AUDIENCES = {name: f"https://{name.replace('_', '-')}-1234.europe-west1.run.app" for name in FUNCTIONS}
#: the service account of the machine, and one to impersonate
RUNTIME = "runtime@shop.iam.gserviceaccount.com"
ROBOT = "robot@shop.iam.gserviceaccount.com"

_IDENTITY = "/computeMetadata/v1/instance/service-accounts/default/identity"


class Google:
    """Google on this machine: signs as it does, with a key of its own. `life_s` is how long its ID tokens live."""

    def __init__(self, issuer: Issuer, patch: pytest.MonkeyPatch) -> None:
        self.server = Loopback()
        self.issuer = issuer
        self.life_s = 3600
        #: (audience, email) of each ID token so far; no email where it is not in the token
        self.given: list[tuple[str, str]] = []
        #: what proved the right to each impersonation
        self.bearers: list[str] = []
        self._patch = patch
        # the addresses are replaced, and nothing else
        patch.setattr(compute_engine._metadata, "_GCE_METADATA_HOST", self.server.host)
        patch.setenv("GCE_METADATA_IP", self.server.host)
        patch.setattr(iam, "_IAM_IDTOKEN_ENDPOINT", f"{self.server.url}/iam/{{}}:generateIdToken")
        patch.setattr(user, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{self.server.url}/token")
        patch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        self.server.answer("/token", self._exchange)

    def signed(self, audience: str, email: str, *, include_email: bool = True) -> str:
        """An ID token as Google signs it."""
        self.given.append((audience, email if include_email else ""))
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": "https://accounts.google.com", "sub": f"number-of-{email}", "aud": audience,
            "iat": now, "exp": now + self.life_s, "jti": len(self.given),
        }  # fmt: skip
        if include_email:
            claims |= {"email": email, "email_verified": True}
        token: bytes = jwt.encode(self.issuer._signer, claims)
        return token.decode()

    def start_metadata_server(self, email: str = RUNTIME) -> None:
        """Be a machine in the cloud with this service account."""
        flavour = {"Metadata-Flavor": "Google"}
        self.server.answer("/", Answer(raw=b"computeMetadata/", headers=flavour))
        path = "/computeMetadata/v1/instance/service-accounts/default/"
        self.server.answer(path, Answer({"email": email, "scopes": [], "aliases": ["default"]}, flavour))
        self.server.answer(f"{path}token", Answer({"access_token": "of-metadata", "expires_in": 3600}, flavour))
        account = f"/computeMetadata/v1/instance/service-accounts/{email}/token"
        self.server.answer(account, Answer({"access_token": "of-metadata", "expires_in": 3600}, flavour))

        def identity(asked: Asked) -> Answer:
            assert asked.headers.get("metadata-flavor", asked.headers.get("Metadata-Flavor")) == "Google"
            (audience,) = asked.query["audience"]
            return Answer(raw=self.signed(audience, email, include_email=asked.query["format"] == ["full"]).encode())

        self.server.answer(_IDENTITY, identity)

    def allow_impersonation(self, email: str) -> None:
        """Let whoever has an access token ask for ID tokens of this service account."""

        def generate(asked: Asked) -> Answer:
            self.bearers.append(asked.headers["authorization" if "authorization" in asked.headers else "Authorization"])
            body = json.loads(asked.body)
            return Answer({"token": self.signed(body["audience"], email, include_email=body["includeEmail"])})

        self.server.answer(f"/iam/{email}:generateIdToken", generate)

    def use_file(self, path: Path, content: dict[str, Any]) -> None:
        """Have these credentials."""
        path.write_text(json.dumps(content))
        self._patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    def service_account(self, email: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
        """The file of a service account's key."""
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account", "client_email": email, "private_key_id": "1", "private_key": pem.decode(),
            "token_uri": f"{self.server.url}/token",
        }  # fmt: skip

    def authorized_user(self) -> dict[str, Any]:
        """What ``gcloud auth application-default login`` leaves."""
        return {
            "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "of-alice",
        }  # fmt: skip

    def external_account(self, subject_token: Path, **more: str) -> dict[str, Any]:
        """A workload elsewhere, for instance in a CI."""
        subject_token.write_text("of-the-ci")
        return {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/ci",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{self.server.url}/token",
            "credential_source": {"file": str(subject_token)},
            **more,
        }

    def close(self) -> None:
        self.server.close()

    def _exchange(self, asked: Asked) -> Answer:
        """A token endpoint: an assertion for an ID token, all else for an access token."""
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if "assertion" in form:
            claims = jwt.decode(form["assertion"], verify=False)
            assert claims["aud"] == "https://oauth2.googleapis.com/token" or claims["aud"].endswith("/token")
            if "target_audience" in claims:
                return Answer({"id_token": self.signed(claims["target_audience"], claims["iss"])})
            return Answer({"access_token": "of-a-key", "expires_in": 3600, "token_type": "Bearer"})
        subject = form.get("subject_token") or form.get("refresh_token")
        return Answer(
            {
                "access_token": f"access-{unquote(str(subject))}",
                "expires_in": 3600,
                "token_type": "Bearer",
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            }
        )


def use_every_function(service: Service | None = None) -> None:
    """Every function once, of a service or of the one that is found."""
    Publisher("shop", service=service).publish(Event("orders", 1))
    with Subscriber("billing", service=service) as subscriber:
        subscriber.subscribe("orders")
        assert [event.data for event in subscriber.get_events()] == [1]


def new_key() -> rsa.RSAPrivateKey:
    """A key of somebody's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
