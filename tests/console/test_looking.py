"""Looking changes nothing, costs what it says, and ends when nobody looks; and all of it goes by keyboard."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import Page, Response, expect

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubclient import Publisher, Subscriber

from .conftest import Windows
from .filled import VIEWS, drained, filled, reject

_OPS = re.compile(r"reads=(\d+), writes=(\d+), deletes=(\d+)")


def test_looking_writes_nothing(page: Page, emulator: Emulator, store: EphemeralStore) -> None:
    """No answer to the console has a write; every document is the same before and after, also when a poll has waited."""
    written: list[str] = []
    asked: set[str] = set()

    def note(response: Response) -> None:
        asked.add(response.request.method)
        found = _OPS.search(response.headers.get("x-store-ops", ""))
        if found and found.groups()[1:] != ("0", "0"):
            written.append(response.url)

    with filled(emulator.url):
        page.on("response", note)
        before = documents(store)
        for view in VIEWS:
            page.goto(f"{emulator.url}#{view}")
            expect(page.locator("main :is(table, .events, .tiles, form)").first).to_be_visible()
        page.goto(f"{emulator.url}#/tail")
        page.locator(".event summary").first.click()
        page.goto(f"{emulator.url}#/subscribers/billing")
        page.get_by_label("Sequence or id").fill("0000-00000000000000000000")
        page.get_by_role("button", name="Explain").click()
        expect(page.locator(".answer")).to_contain_text("It failed for the last time")
        expect(page.locator("footer")).to_contain_text("and written 0 in")
        page.route(
            re.compile("wait_s="), lambda route: route.continue_(url=route.request.url.replace("wait_s=15", "wait_s=1"))
        )
        with page.expect_response(re.compile("wait_s=")) as waited:
            page.goto(f"{emulator.url}#/tail?topic=orders.eu")
        assert waited.value.status == 200
        assert documents(store) == before
    assert asked == {"GET"}
    assert written == []


def documents(store: EphemeralStore) -> list[tuple[object, ...]]:
    """All documents of the store, with the times of their creation and last update."""
    with closing(sqlite3.connect(store.directory / "pubsub.sqlite3")) as connection:
        found = connection.execute("SELECT collection, id, created, updated, data FROM docs ORDER BY 1, 2").fetchall()
    assert found
    return found


def test_an_idle_tail_of_a_topic_costs_two_reads_a_poll_at_most(emulator: Emulator, windows: Windows) -> None:
    """Polls are as long as the service waits: here the page is given no wait, so that several can be counted."""
    Publisher("shop", service=emulator.url).publish("orders", 1)
    page = windows.open(emulator.url)
    page.route(
        re.compile("wait_s="), lambda route: route.continue_(url=route.request.url.replace("wait_s=15", "wait_s=0"))
    )
    reads: list[int] = []

    def note(response: Response) -> None:
        found = _OPS.search(response.headers.get("x-store-ops", ""))
        if "cursor=" in response.url and found:
            reads.append(int(found[1]))

    page.on("response", note)
    with page.expect_response(lambda response: "cursor=" in response.url and len(reads) >= 5):
        page.goto(f"{emulator.url}#/tail?topic=orders")
    assert max(reads) <= 2


def test_a_hidden_tab_reads_nothing(page: Page, emulator: Emulator) -> None:
    """The held request is given up, and no other begins; seen again, the page goes on at once."""
    Publisher("shop", service=emulator.url).publish("orders", 1)
    with page.expect_request(re.compile("wait_s=")) as held:
        page.goto(f"{emulator.url}#/tail?topic=orders")
    requested: list[str] = []
    with page.expect_event("requestfailed", lambda request: request == held.value):
        hide(page, hidden=True)
    page.on("request", lambda request: requested.append(request.url) if request.resource_type == "fetch" else None)
    page.get_by_role("link", name="Topics").click()
    expect(page.locator("h1")).to_have_text("Topics")
    assert requested == []
    hide(page, hidden=False)
    expect(page.get_by_role("rowheader")).to_have_text("orders")


def hide(page: Page, *, hidden: bool) -> None:
    """Tell the page that its tab is hidden, or seen again."""
    page.evaluate(
        """(hidden) => { Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
                         document.dispatchEvent(new Event("visibilitychange")); }""",
        hidden,
    )


def test_never_reads_once_and_again_when_asked(page: Page, emulator: Emulator) -> None:
    """The choice is kept by the browser."""
    page.get_by_label("Refresh").select_option("never")
    page.reload()
    expect(page.get_by_text("No topics yet.")).to_be_visible()
    Publisher("shop", service=emulator.url).publish("orders", 1)
    with page.expect_response(re.compile("register")):
        page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("rowheader")).to_have_text("orders")


def test_a_token_of_the_address_is_sent_and_removed(page: Page, emulator: Emulator) -> None:
    """It is sent as X-Pubsub-Token, also after a reload of this tab, and is not in the address."""
    page.goto("about:blank")
    with page.expect_request(re.compile("register")) as request:
        page.goto(f"{emulator.url}/#token=abc.def")
    assert request.value.headers["x-pubsub-token"] == "abc.def"
    assert request.value.headers["x-pubsub-console"] == "1"
    assert page.url.endswith("#/topics")
    page.get_by_role("button", name="Token set").click()
    page.get_by_label("ID token").fill("")
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_role("button", name="Token…")).to_be_visible()


def test_from_load_to_redrive_by_keyboard(page: Page, emulator: Emulator) -> None:
    """Tab, Enter, space and arrows do; the heading has the focus after each navigation."""
    with Subscriber("billing", service=emulator.url) as billing:
        billing.subscribe("orders")
        Publisher("shop", service=emulator.url).publish("orders", 1)
        reject(billing, "timeout")
        press(page, "Tab")
        expect(page.get_by_text("Skip to the content")).to_be_focused()
        tab_to(page, "Dead letters")
        press(page, "Enter")
        expect(page.get_by_role("heading", name="Dead letters")).to_be_focused()
        expect(page.locator(".letters > li")).to_have_count(1)
        tab_to(page, "All 1 shown")
        press(page, "Space")
        tab_to(page, "Redrive 1…")
        press(page, "Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        tab_to(page, "Redrive")
        press(page, "Enter")
        expect(page.get_by_text("1 redriven.")).to_be_visible()
        assert [event.data for event in drained(billing)] == [1]


def press(page: Page, key: str) -> None:
    """Press a key, wherever the focus is."""
    page.keyboard.press(key)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this text, or label, has the focus."""
    for _ in range(40):
        press(page, "Tab")
        if page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()") == name:
            return
    pytest.fail(f"no Tab comes to {name}")
