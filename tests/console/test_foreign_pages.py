"""A page of elsewhere, open in a real browser, reaches no function: it stores nothing and holds no thread."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest
import requests
from playwright.sync_api import Page

from pubsub_emulator.console.relay import Relay
from pubsub_emulator.emulator import Emulator
from pubsubclient import Service

from .conftest import Windows
from .foreign import PUBLISH, TRIES, ForeignPage


@pytest.fixture
def foreign() -> Iterator[ForeignPage]:
    """The page of elsewhere."""
    serving = ForeignPage()
    yield serving
    serving.close()


def _calls(url: str) -> dict[str, object]:
    """What the functions were called for, by anybody."""
    meter = requests.get(f"{url}/meter", timeout=30).json()
    return {**meter["calls"], **meter["console"]}


def _try_all(page: Page, url: str) -> None:
    for kind in TRIES:
        page.evaluate("([kind, at, body]) => attempt(kind, at, body)", [kind, f"{url}/", PUBLISH])


@pytest.mark.parametrize("host", ["127.0.0.1", "elsewhere.test"], ids=["another port", "another host"])
def test_no_request_of_a_foreign_page_reaches_a_function(
    emulator: Emulator, foreign: ForeignPage, windows: Windows, host: str
) -> None:
    """Twenty kinds, each waited for until the browser has given up on it."""
    windows.allow("")
    page = windows.open(f"http://{host}:{foreign.port}")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    _try_all(page, emulator.url)
    assert _calls(emulator.url) == {}
    assert len([url for url in sent if url.startswith(emulator.url)]) >= len(TRIES) / 2  # the browser did send them


def test_nor_does_one_of_a_name_that_resolves_to_this_machine(emulator: Emulator, windows: Windows) -> None:
    """DNS rebinding: the browser takes the page for the emulator's own origin."""
    windows.allow("421")
    port = urlsplit(emulator.url).port
    page = windows.open(f"http://rebound.test:{port}")
    assert "host_not_allowed" in page.content()
    status = page.evaluate(
        "body => fetch('publish', {method: 'POST', headers: {'Content-Type': 'application/json'}, body}).then(r => r.status)",
        PUBLISH,
    )
    assert status == 421
    assert _calls(emulator.url) == {}


def test_a_foreign_page_cannot_send_the_browser_to_a_poll(
    emulator: Emulator, foreign: ForeignPage, windows: Windows
) -> None:
    """By a script, which nobody followed; a link that is followed works."""
    windows.allow("")
    page = windows.open("about:blank")
    poll = quote(f"{emulator.url}/get_events?topic=t&wait_s=20")
    with page.expect_response(f"{emulator.url}/get_events*") as answered:
        page.goto(f"http://elsewhere.test:{foreign.port}/?go={poll}", wait_until="commit")
    assert answered.value.status == 403
    assert _calls(emulator.url) == {}
    page = windows.open(f"http://elsewhere.test:{foreign.port}")
    page.evaluate(
        "(url) => { document.body.innerHTML = `<a href='${url}'>look</a>`; }", f"{emulator.url}/get_events?topic=t"
    )
    with page.expect_response(f"{emulator.url}/get_events*") as answered:
        page.get_by_text("look").click()
    assert answered.value.status == 200


def test_the_console_of_a_service_elsewhere_is_as_closed(
    emulator: Emulator, foreign: ForeignPage, windows: Windows
) -> None:
    """Its calls have the credentials of whoever runs it."""
    windows.allow("")
    page = windows.open(f"http://elsewhere.test:{foreign.port}")
    with Relay(Service(emulator.url)) as relay:
        _try_all(page, relay.url)
        rebound = f"http://rebound.test:{urlsplit(relay.url).port}"
        page.goto(rebound)
        assert "host_not_allowed" in page.content()
    assert _calls(emulator.url) == {}
