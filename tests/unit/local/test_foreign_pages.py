"""A web page of elsewhere, open in a developer's browser, stores nothing and holds no thread."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubservice.api.app import current

PUBLISH = b'{"topic":"t","publisher":"p","events":[{"specversion":"1.0","id":"1","source":"/a","type":"x"}]}'
WAIT = "/get_events?topic=t&wait_s=20"


def fetched(site: str, mode: str, destination: str) -> dict[str, str]:
    """The headers by which a browser says what a request is for."""
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An emulator in this process."""
    store = EphemeralStore()
    with Emulator(store) as emulator:
        yield emulator.url
    store.close()


#: what a page can make a browser send: (method, path, headers, status)
FOREIGN = {
    "JSON with its origin": (
        "POST", "/publish", {"Content-Type": "application/json", "Origin": "https://evil.example"}, 403,
    ),
    "JSON of a sandboxed frame": ("POST", "/publish", {"Content-Type": "application/json", "Origin": "null"}, 403),
    "JSON of another port": (
        "POST", "/publish", {"Content-Type": "application/json", "Origin": "http://127.0.0.1:3000"}, 403,
    ),
    "a form": (
        "POST", "/publish", {"Content-Type": "text/plain", **fetched("cross-site", "navigate", "document")}, 403,
    ),
    "text without an origin": ("POST", "/publish", {"Content-Type": "text/plain"}, 415),
    "a form without an origin": ("POST", "/publish", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    "a name of its own": ("POST", "/publish", {"Content-Type": "application/json", "Host": "evil.example"}, 421),
    "an image": ("GET", WAIT, fetched("cross-site", "no-cors", "image"), 403),
    "a script": ("GET", WAIT, fetched("cross-site", "no-cors", "script"), 403),
    "a fetch from another port": ("GET", WAIT, fetched("same-site", "no-cors", "empty"), 403),
    "a frame": ("GET", WAIT, fetched("cross-site", "navigate", "iframe"), 403),
    "a window that it opens": ("GET", WAIT, fetched("cross-site", "navigate", "document"), 403),
    "a prefetch of the meter": ("GET", "/meter", fetched("cross-site", "no-cors", "empty"), 403),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_page_is_refused_at_once(url: str, kind: str) -> None:
    """By origin, by type, by host, or by what the browser says that the request is for."""
    method, path, headers, status = FOREIGN[kind]
    began = time.monotonic()
    answer = requests.request(
        method, url + path, data=PUBLISH if method == "POST" else None, headers=headers, timeout=30
    )
    assert answer.status_code == status, answer.text
    assert time.monotonic() - began < 10  # it does not wait for events
    assert current().topics.get("t") is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        fetched("none", "navigate", "document"),
        fetched("same-origin", "cors", "empty"),
        fetched("cross-site", "navigate", "document") | {"Sec-Fetch-User": "?1"},
    ],
    ids=["curl", "address bar", "a page of its own", "a link that is followed"],
)
def test_what_a_person_asks_for_is_answered(url: str, headers: dict[str, str]) -> None:
    """From the address bar, from a program, from the emulator's own pages, and by a link."""
    assert requests.get(url + "/get_events?topic=t&last=10", headers=headers, timeout=10).status_code == 200
