"""Pages behind a proxy that ends TLS are ours; pages that somebody on the way could make are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import expect

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore

from .conftest import Windows
from .tls import EndOfTLS

_NAME = "console.test"


@pytest.fixture(scope="module")
def named() -> Iterator[Emulator]:
    """An emulator that answers to a name, as behind a proxy."""
    store = EphemeralStore()
    with Emulator(store, hosts=[_NAME]) as serving:
        yield serving
    store.close()


def test_the_console_works_through_tls(named: Emulator, windows: Windows, tmp_path: Path) -> None:
    """Its page loads, and its calls are accepted, though the proxy does not say that it speaks https."""
    proxy = EndOfTLS(urlsplit(named.url).port or 0, _NAME, tmp_path)
    page = windows.open(f"https://{_NAME}:{proxy.port}", ignore_https_errors=True)
    expect(page.locator("h1").first).to_be_visible()
    status = page.evaluate(
        """() => fetch("register", {
            method: "POST", headers: {"Content-Type": "application/json"}, body: '{"subscriber": "billing"}',
        }).then((response) => response.status)"""
    )
    assert status == 201
    windows.close()
    proxy.close()


@pytest.mark.parametrize(
    ("host", "origin", "proto", "status"),
    [
        ("console.test", "https://console.test", None, 201),
        ("console.test", "https://console.test", "https", 201),
        ("console.test", "https://CONSOLE.test:443", "https", 201),
        ("console.test:443", "https://console.test", "https", 201),
        ("console.test:8443", "https://console.test:8443", "https, http", 201),
        ("console.test", "http://console.test", None, 201),
        ("console.test", "http://console.test", "http", 201),
        # anybody on the way can make a page of http://HOST
        ("console.test", "http://console.test", "https", 403),
        ("console.test", "http://console.test", "https, http", 403),
        # another port is another page
        ("console.test", "https://console.test:8443", "https", 403),
        ("console.test:8443", "https://console.test", "https", 403),
        ("console.test:80", "https://console.test", None, 403),
        ("console.test", "https://elsewhere.test", "https", 403),
        ("console.test", "ftp://console.test", "ftp", 403),
        ("console.test", "null", None, 403),
        ("console.test", "", None, 403),
        ("console.test", "https://console.test:x", None, 403),
    ],
)
def test_a_page_is_ours_if_its_host_and_port_are_those_of_the_request(
    named: Emulator, host: str, origin: str, proto: str | None, status: int
) -> None:
    """By https in any case; by http unless the proxy says that the client used https."""
    headers = {"Host": host, "Origin": origin} | ({"X-Forwarded-Proto": proto} if proto else {})
    answer = requests.post(f"{named.url}/register", json={"subscriber": uuid4().hex}, headers=headers, timeout=30)
    assert answer.status_code == status, answer.text


def test_addresses_in_documents_have_the_scheme_that_the_client_used(named: Emulator) -> None:
    """As the proxy says."""
    headers = {"Host": _NAME, "X-Forwarded-Proto": "https"}
    listed = requests.get(named.url, headers=headers, timeout=30).json()
    assert listed["functions"]["publish"] == f"https://{_NAME}/publish"
    described = requests.get(f"{named.url}/openapi.json", headers=headers, timeout=30).json()
    assert described["servers"][0]["url"] == f"https://{_NAME}"
