"""Every kind of Google credentials, and what is said where there are none or none that make ID tokens."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from auth.google import AUDIENCES, ROBOT, RUNTIME, Google, new_key, use_every_function
from auth.loopback import Answer, Asked
from pubsubclient import IdentityError, Publisher, Service, Unavailable
from pubsubclient._http.google_identity import GoogleIdentity
from unit.sdk.clocks import Moved


def test_the_key_of_a_service_account(google: Google, url: str, tmp_path: Path) -> None:
    """Its assertion is exchanged for ID tokens."""
    google.use_file(tmp_path / "key.json", google.service_account(ROBOT, new_key()))
    use_every_function(Service(url, identity=GoogleIdentity(audiences=AUDIENCES)))
    assert {email for _, email in google.given} == {ROBOT}
    assert sorted(audience for audience, _ in google.given) == sorted(AUDIENCES.values())


def test_a_user_impersonates_a_service_account(google: Google, url: str, tmp_path: Path) -> None:
    """Named by argument; the token carries the account's address, for logs and the list of admins."""
    google.use_file(tmp_path / "user.json", google.authorized_user())
    google.allow_impersonation(ROBOT)
    use_every_function(Service(url, identity=GoogleIdentity(audiences=AUDIENCES, impersonate=ROBOT)))
    assert {email for _, email in google.given} == {ROBOT}
    assert set(google.bearers) == {"Bearer access-of-alice"}


def test_a_user_of_gcloud_is_found_where_gcloud_leaves_it(google: Google, url: str, tmp_path: Path) -> None:
    """Without any variable of the environment."""
    (tmp_path / "gcloud").mkdir()
    (tmp_path / "gcloud" / "application_default_credentials.json").write_text(json.dumps(google.authorized_user()))
    google.allow_impersonation(ROBOT)
    use_every_function(Service(url, identity=GoogleIdentity(audiences=AUDIENCES, impersonate=ROBOT)))


@pytest.mark.parametrize("how", ["in its file", "by argument"])
def test_an_external_account_impersonates_a_service_account(google: Google, url: str, tmp_path: Path, how: str) -> None:
    """By its own access token, and the account in its file is as good as one that is named."""
    google.allow_impersonation(ROBOT)
    more = {"service_account_impersonation_url": f"https://iam.example/{ROBOT}:generateAccessToken"}
    content = google.external_account(tmp_path / "subject", **(more if how == "in its file" else {}))
    google.use_file(tmp_path / "external.json", content)
    impersonate = None if how == "in its file" else ROBOT
    use_every_function(Service(url, identity=GoogleIdentity(audiences=AUDIENCES, impersonate=impersonate)))
    assert {email for _, email in google.given} == {ROBOT}
    assert set(google.bearers) == {"Bearer access-of-the-ci"}


def test_a_machine_in_the_cloud_may_impersonate_another_account(google: Google, url: str) -> None:
    google.start_metadata_server(RUNTIME)
    google.allow_impersonation(ROBOT)
    use_every_function(Service(url, identity=GoogleIdentity(audiences=AUDIENCES, impersonate=ROBOT)))
    assert {email for _, email in google.given} == {ROBOT}
    assert set(google.bearers) == {"Bearer of-metadata"}


def test_the_file_of_an_impersonated_account(google: Google, url: str, tmp_path: Path) -> None:
    """What ``gcloud auth application-default login --impersonate-service-account`` leaves."""
    content = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"https://iam.example/v1/{ROBOT}:generateAccessToken",
        "source_credentials": google.authorized_user(),
    }
    google.use_file(tmp_path / "impersonated.json", content)
    google.allow_impersonation(ROBOT)
    use_every_function(Service(url, identity=GoogleIdentity(audiences=AUDIENCES)))
    assert set(google.bearers) == {"Bearer access-of-alice"}


@pytest.mark.parametrize("kind", ["authorized_user", "external_account"])
def test_without_an_account_to_impersonate_the_error_says_how(google: Google, tmp_path: Path, kind: str) -> None:
    """Users and external accounts have no ID tokens of their own."""
    content = google.authorized_user() if kind == "authorized_user" else google.external_account(tmp_path / "subject")
    google.use_file(tmp_path / "credentials.json", content)
    with pytest.raises(IdentityError) as raised:
        Publisher("shop", service=Service("https://shop.example", identity=GoogleIdentity()))
    for part in (kind, '"impersonate"', "GoogleIdentity(impersonate=", "roles/iam.serviceAccountOpenIdTokenCreator"):
        assert part in str(raised.value)


def test_without_credentials_the_error_says_where_they_were_looked_for(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, not at the deadline: another try would find none either."""
    monkeypatch.setenv("GCE_METADATA_DETECT_RETRIES", "1")
    started = time.monotonic()
    with pytest.raises(IdentityError) as raised:
        Publisher("shop", service=Service("https://shop.example", identity=GoogleIdentity(), deadline_s=600))
    assert time.monotonic() - started < 60
    for place in ("GOOGLE_APPLICATION_CREDENTIALS", "gcloud auth application-default login", "metadata server"):
        assert place in str(raised.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "expected a JSON object"),
        ("{}", "the type None is not known"),
        ('{"type": "magic"}', "the type 'magic' is not known"),
        ('{"type": "service_account"}', "holds no Google credentials that can be used"),
        ('{"type": "authorized_user"}', "holds no Google credentials that can be used"),
        ('{"type": "impersonated_service_account"}', "holds no Google credentials that can be used"),
        ('{"type": "external_account", "credential_source": {}}', "holds no Google credentials that can be used"),
        (None, "which does not exist"),
    ],
)
def test_a_malformed_file_is_named(google: Google, tmp_path: Path, content: str | None, says: str) -> None:
    """It may be the one that was meant: no other place is tried."""
    google.use_file(tmp_path / "credentials.json", {})
    google.start_metadata_server()
    if content is None:
        (tmp_path / "credentials.json").unlink()
    else:
        (tmp_path / "credentials.json").write_text(content)
    with pytest.raises(IdentityError, match=f".*credentials.json.*{says}"):
        GoogleIdentity().headers("publish", "https://a.example")


def test_a_refusal_of_google_is_final(google: Google, tmp_path: Path) -> None:
    """The role is missing: its words are in the error."""
    google.use_file(tmp_path / "user.json", google.authorized_user())
    refusal = {"error": {"code": 403, "message": "Permission iam.serviceAccounts.getOpenIdToken denied"}}
    google.server.answer(f"/iam/{ROBOT}:generateIdToken", Answer(refusal, status=403))
    service = Service("https://shop.example", identity=GoogleIdentity(impersonate=ROBOT), deadline_s=600)
    with pytest.raises(IdentityError, match="getOpenIdToken denied"):
        Publisher("shop", service=service)


def test_what_passes_is_tried_again_until_the_deadline(google: Google, url: str, tmp_path: Path) -> None:
    """Google's IAM fails once, and the call succeeds; if it goes on failing, that is what ended the last try."""
    google.use_file(tmp_path / "user.json", google.authorized_user())
    failing = Answer({"error": {"code": 503, "message": "try again"}}, status=503)
    google.server.answer(f"/iam/{ROBOT}:generateIdToken", failing)
    identity = GoogleIdentity(audiences=AUDIENCES, impersonate=ROBOT)
    with pytest.raises(Unavailable, match=r"no ID token for .*'try again'") as raised:
        Publisher("shop", service=Service(url, identity=identity, deadline_s=60, clock=Moved()))
    assert not raised.value.uncertain

    def once(_: Asked) -> Answer:
        google.allow_impersonation(ROBOT)
        return failing

    google.server.answer(f"/iam/{ROBOT}:generateIdToken", once)
    Publisher("shop", service=Service(url, identity=identity))
