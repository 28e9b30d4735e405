"""Every panel, in both themes, wide and narrow, with data, empty and failing: for axe, and without a pixel of overflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from pubsub_emulator.emulator import Emulator
from pubsubclient import Publisher, Subscriber

from .conftest import Windows
from .filled import VIEWS, filled, reject

_WIDTHS = (1280, 380)
#: width that a topic has at least in a line, px
_LEAST = 60
#: what axe checks in each theme: themes differ in colours alone
_THEMES = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}


def faults_of(page: Page, view: str) -> Iterator[str]:
    """What is wrong with the view that the page shows now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    for width in _WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if overflow > 0:
            yield f"{view} at {width}: {overflow} px too wide"
        for theme, rules in _THEMES.items():
            page.emulate_media(color_scheme=theme)
            for found in page.evaluate("options => axe.run(options).then(({violations}) => violations)", rules):
                yield f"{view} at {width}, {theme}: {found['id']}: {[node['html'][:150] for node in found['nodes']]}"


def show(page: Page, url: str, view: str) -> None:
    """Go to a view, and wait for what it reads first."""
    page.goto(f"{url}#{view}")
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("main :is(table, .events, .tiles, .empty, form), .faults .problem").first).to_be_visible()


@pytest.mark.parametrize("views", [VIEWS[::2], VIEWS[1::2]])
def test_panels_with_data(page: Page, emulator: Emulator, views: Sequence[str]) -> None:
    """A row is open where there is one that can be."""
    faults = []
    with filled(emulator.url):
        for view in views:
            show(page, emulator.url, view)
            if page.locator(".event summary").count():
                page.locator(".event summary").first.click()
                expect(page.locator(".body")).to_be_visible()
            faults += faults_of(page, view)
    assert faults == []


def test_empty_panels(page: Page, emulator: Emulator) -> None:
    """Each says how to make something."""
    faults = []
    for view in ("/topics", "/tail", "/subscribers", "/dead", "/publish", "/cost", "/nothing"):
        show(page, emulator.url, view)
        faults += faults_of(page, view)
    assert faults == []


def test_long_names_fit_into_a_narrow_window(emulator: Emulator, windows: Windows) -> None:
    """A topic, a subscriber, an id, a type and a reason, each about as long as it may be."""
    topic, name = ".".join(["topic" + "x" * 60] * 3), "s" * 100
    with Subscriber(name, service=emulator.url) as subscriber:
        subscriber.subscribe(topic)
        publisher = Publisher("p" * 60, service=emulator.url)
        for number in range(2):
            publisher.publish(topic, {"k": "v" * 500}, id=f"{number}" * 250, type="t" * 300, subject="s" * 300)
        reject(subscriber, "r" * 400)
    page = windows.open(emulator.url, width=380)
    faults = []
    for view in (
        "/topics", f"/tail?topic={topic}", "/subscribers", f"/subscribers/{name}", "/dead",
        f"/subscribers?topic={topic}&event=1",
        f"/publish?topic={topic}&type={'t' * 300}",
    ):  # fmt: skip
        show(page, emulator.url, view)
        if page.locator(".event summary").count():
            page.locator(".event summary").first.click()
            expect(page.locator(".body")).to_be_visible()
            for width in page.locator(".event summary .topic").evaluate_all(
                "found => found.map(each => each.offsetWidth)"
            ):
                faults += [f"{view}: a topic of {width} px"] if width < _LEAST else []
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        faults += [f"{view}: {overflow} px too wide"] if overflow > 0 else []
    assert faults == []


def test_failing_panels(emulator: Emulator, windows: Windows) -> None:
    """Each shows one line."""
    windows.allow("status of 503")
    page = windows.open(emulator.url)
    problem = {"code": "store_unavailable", "detail": "The store does not answer; send the same request again."}
    page.route(
        "**/*",
        lambda route: (
            route.fulfill(status=503, json=problem) if route.request.resource_type == "fetch" else route.continue_()
        ),
    )
    faults = []
    for view in VIEWS:
        page.goto(f"{emulator.url}#{view}")
        expect(page.locator(".faults .problem")).to_have_count(1)
        faults += faults_of(page, view)
    assert faults == []


def test_dialogs(page: Page, emulator: Emulator) -> None:
    """The dialogs of the panels, with a problem in one."""
    faults = []
    with filled(emulator.url):
        show(page, emulator.url, "/subscribers/billing")
        for name in ("Subscribe…", "Remove…", "Move orders.eu", "Unsubscribe orders.*"):
            page.get_by_role("button", name=name).click()
            expect(page.get_by_role("dialog")).to_be_visible()
            faults += faults_of(page, name)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
            expect(page.get_by_role("button", name=name)).to_be_focused()
        show(page, emulator.url, "/dead")
        page.get_by_label("All 2 shown").check()
        page.get_by_role("button", name="Redrive 2").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        faults += faults_of(page, "Redrive")
    assert faults == []
