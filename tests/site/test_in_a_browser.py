"""The site in a real browser: nothing from elsewhere, readable by all, and a calculator that counts as the service does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from benchmarks.service.prices import dollars
from playwright.sync_api import Browser, Page, expect

from pubsubclient import Event, Publisher, Subscriber
from pubsubclient.testing import local

pytestmark = pytest.mark.slow
#: one of each kind: lists, code, wide tables, images, docstrings, generated tables, a form
PAGES = (
    "index", "start", "tutorials/orders", "console", "delivery", "costs", "protocol", "reference/client", "reference/openapi",
    "decisions/README", "problems", "search",
)  # fmt: skip


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A window that may reach the site alone."""
    window = browser.new_page()
    faults: list[str] = []
    window.on("request", lambda request: None if request.url.startswith(address[:-3]) else faults.append(request.url))
    window.on("pageerror", lambda error: faults.append(str(error)))
    window.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    yield window
    window.close()
    assert faults == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_readable_and_asks_nobody_else(name: str, page: Page, address: str) -> None:
    """In light and dark, wide and narrow, axe finds nothing, of whatever impact."""
    page.goto(f"{address}/{name}.html")
    page.evaluate(AXE_SCRIPT)
    faults = []
    for width in (1280, 380):
        page.set_viewport_size({"width": width, "height": 800})
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        faults += [f"{width}: {overflow} px too wide"] if overflow > 0 else []
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            found = page.evaluate("axe.run({resultTypes: ['violations']}).then(({violations}) => violations)")
            faults += [
                f"{width}, {theme}: {each['impact']}: {each['id']}: {[node['html'][:150] for node in each['nodes']][:3]}"
                for each in found
            ]
    assert faults == []


def test_the_version_can_be_chosen(page: Page, address: str) -> None:
    page.goto(f"{address}/tutorials/orders.html")
    choice = page.get_by_label("Version")
    expect(choice).to_have_value("dev")
    assert choice.locator("option").all_inner_texts() == ["stable", "dev"]


def _counted(events: int, batch: int, fetch: int, subscribers: int) -> Counter[str]:
    """The operations that the service counts, those of its start included. Consumers come late, to other instances."""
    counted: Counter[str] = Counter()
    with local() as pubsub:
        publisher = Publisher("shop")
        names = [Subscriber(f"billing-{number}") for number in range(subscribers)]
        for each in names:
            each.subscribe("orders")
        pubsub.calls.clear()
        for first in range(0, events, batch):
            publisher.publish([Event("orders", number) for number in range(first, first + batch)])
        for each in names:
            pubsub.restart()
            while each.get_events(max_events=fetch):
                pass
        for call in pubsub.calls:
            counted.update(reads=call.reads, writes=call.writes, deletes=call.deletes)
    return counted


@pytest.mark.parametrize(
    ("events", "batch", "fetch", "subscribers"),
    [
        (50, 1, 1, 1),
        (100, 1, 100, 1),
        (1_000, 100, 100, 1),
        (1_000, 100, 10, 1),
        (400, 10, 100, 3),
        (4_000, 1_000, 1_000, 2),
    ],
)
def test_the_calculator_counts_as_the_service_does(
    events: int, batch: int, fetch: int, subscribers: int, page: Page, address: str
) -> None:
    """A month's twice as many events cost what the service counts for the second half."""
    one, two = (_counted(events * times, batch, fetch, subscribers) for times in (1, 2))
    service = {kind: two[kind] - one[kind] for kind in ("reads", "writes", "deletes")}
    page.goto(f"{address}/costs.html")
    for name, value in {"events": events, "batch": batch, "fetch": fetch, "subscribers": subscribers}.items():
        page.locator(f"form.costs [name={name}]").fill(str(value))
    page.get_by_label("Keep events for ever").check()
    shown = {kind: int(page.locator(f"form.costs [name={kind}]").inner_text().replace(",", "")) for kind in service}
    assert shown == service
    assert page.locator("form.costs [name=dollars]").inner_text() == f"${dollars(**service):.4f}"
    # retention reads each batch once, and deletes it
    page.get_by_label("Keep events for ever").uncheck()
    kept = service | {"reads": service["reads"] + events // batch, "deletes": events // batch}
    assert page.locator("form.costs [name=dollars]").inner_text() == f"${dollars(**kept):.4f}"
