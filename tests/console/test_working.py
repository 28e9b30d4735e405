"""What people do in the console: publish, follow, find out why, redrive. Programs beside it use the SDK."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import Locator, Page, Response, expect

from pubsub_emulator.emulator import Emulator
from pubsubclient import Publisher, Subscriber

from .conftest import Windows
from .filled import drained, reject

DATA = '{"number": 202201180000000014, "total": 1.0}'


def test_an_event_of_the_form_comes_to_an_open_tail(page: Page, emulator: Emulator) -> None:
    """The request that the tail already holds open brings it: no interval is waited for, and nothing is loaded again."""
    tail = page.context.new_page()
    requested: list[str] = []
    tail.on("request", lambda request: requested.append(request.url))
    with tail.expect_request(re.compile("wait_s=")):
        tail.goto(f"{emulator.url}#/tail")
    expect(tail.get_by_text("No events yet.")).to_be_visible()
    before = len(requested)
    page.get_by_role("link", name="Publish", exact=True).click()
    with tail.expect_response(_has_events) as answer:
        publish(page, "orders.eu", DATA, kind="order.placed")
    assert answer.value.request.url in requested[:before]
    row = tail.locator(".events li")
    expect(row).to_contain_text('{"number":202201180000000014,"total":1.0}')
    expect(row).to_contain_text("orders.eu")
    expect(row).to_contain_text("order.placed")
    assert not [url for url in requested[before:] if "get_events" not in url], "the page was loaded again"
    with tail.expect_event("requestfailed", lambda request: "wait_s=" in request.url):
        tail.get_by_role("link", name="Topics").click()
    expect(tail.get_by_role("rowheader")).to_have_text("orders.eu")
    expect(tail.locator(".faults .problem")).to_have_count(0)


def _has_events(response: Response) -> bool:
    return "get_events" in response.url and bool(response.json()["events"])


def test_data_are_sent_as_typed(page: Page, emulator: Emulator) -> None:
    """Numbers, spaces and the order of members stay; what is no JSON cannot be sent."""
    page.goto(f"{emulator.url}#/publish?topic=orders")
    data = page.get_by_label("Data", exact=True)
    data.fill('{"a": 1,}')
    expect(page.get_by_role("button", name="Publish")).to_be_disabled()
    expect(data).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Further attributes").fill("region=eu\ntenant = a=b")
    publish(page, "orders", '{ "b":1.0, "a":9223372036854775807 ,"1": 1e2}')
    stored = requests.get(f"{emulator.url}/get_events?topic=orders&last=1", timeout=30)
    assert '"data":{ "b":1.0, "a":9223372036854775807 ,"1": 1e2}' in stored.text
    (event,) = stored.json()["events"]
    assert (event["region"], event["tenant"]) == ("eu", "a=b")
    page.get_by_role("link", name="See it").click()
    expect(page.locator(".events li")).to_have_count(1)


def test_the_form_remembers_the_last_event_of_a_topic_and_begins_with_one_like_another(
    page: Page, emulator: Emulator
) -> None:
    """The tail's link fills the form; naming a topic brings back what was sent to it last."""
    Publisher("shop", service=emulator.url).publish(
        "orders", {"n": 1.5}, type="order.placed", attributes={"region": "eu"}
    )
    page.goto(f"{emulator.url}#/tail?topic=orders")
    page.locator(".events summary").click()
    page.get_by_role("link", name="Publish one like it").click()
    expect(page.get_by_label("Type")).to_have_value("order.placed")
    expect(page.get_by_label("Further attributes")).to_have_value("region=eu")
    expect(page.get_by_label("Data", exact=True)).to_have_value('{\n  "n": 1.5\n}')
    publish(page, "clicks", "[1.0]", kind="click")
    page.get_by_role("link", name="Publish", exact=True).click()
    expect(page.get_by_label("Data", exact=True)).to_have_value("")
    page.get_by_label("Topic", exact=True).fill("clicks")
    expect(page.get_by_label("Data", exact=True)).to_have_value("[1.0]")
    expect(page.get_by_label("Type")).to_have_value("click")


def test_subscribe_by_form_then_a_consumer_drains_the_backlog(page: Page, emulator: Emulator) -> None:
    """The backlog falls to 0 in the open page."""
    publisher = Publisher("shop", service=emulator.url)
    for number in range(3):
        publisher.publish("orders.eu", {"number": number})
    page.get_by_role("link", name="Subscribers").click()
    expect(page.get_by_text("No subscribers yet.")).to_be_visible()
    page.get_by_role("button", name="Subscribe…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Subscriber").fill("billing")
    dialog.get_by_label("Topic or pattern").fill("orders.*")
    dialog.get_by_label("Begin at").select_option("earliest")
    dialog.get_by_role("button", name="Subscribe").click()
    backlog = page.get_by_role("row", name="billing").get_by_role("cell").first
    expect(backlog).to_have_text("3")
    with Subscriber("billing", service=emulator.url) as billing:
        assert len(drained(billing)) == 3
    expect(backlog).to_have_text("0")


def test_a_dead_letter_is_redriven_to_its_subscriber_alone(page: Page, emulator: Emulator) -> None:
    """It is listed with its reason, chosen, redriven, and marked; only the subscriber whose event failed gets it again."""
    with Subscriber("billing", service=emulator.url) as billing, Subscriber("audit", service=emulator.url) as audit:
        billing.subscribe("orders.eu")
        audit.subscribe("orders.eu")
        publisher = Publisher("shop", service=emulator.url)
        for number in range(2):
            publisher.publish("orders.eu", {"number": number})
        reject(billing, "no such customer", "timeout")
        assert len(drained(audit)) == 2
        page.get_by_role("link", name="Dead letters").click()
        letters = page.locator(".letters > li")
        expect(letters).to_have_count(2)
        page.get_by_label("Reason").select_option("no such customer")
        expect(letters).to_have_count(1)
        expect(letters).to_contain_text("orders.eu → billing")
        expect(letters).to_contain_text("1 attempt")
        page.get_by_label("All 1 shown").check()
        page.get_by_role("button", name="Redrive 1").click()
        expect(page.get_by_role("dialog")).to_contain_text("1 event for billing alone")
        page.get_by_role("dialog").get_by_role("button", name="Redrive").click()
        expect(page.get_by_text("1 redriven.")).to_be_visible()
        expect(letters.get_by_text("redriven")).to_be_visible()
        expect(page.get_by_role("heading", name="Dead letters")).to_be_focused()
        assert [event.data for event in drained(billing)] == [{"number": 0}]
        assert drained(audit) == []


def test_move_a_subscription_to_the_beginning_and_unsubscribe(page: Page, emulator: Emulator) -> None:
    """The dialogs say what is forgotten."""
    with Subscriber("billing", service=emulator.url) as billing:
        billing.subscribe("orders.eu")
        Publisher("shop", service=emulator.url).publish("orders.eu", 1)
        assert len(drained(billing)) == 1
        page.goto(f"{emulator.url}#/subscribers/billing")
        page.get_by_role("button", name="Move orders.eu").click()
        expect(page.get_by_role("dialog")).to_contain_text("0 events wait in the backlog")
        page.get_by_label("Go on at").select_option("earliest")
        page.get_by_role("dialog").get_by_role("button", name="Move").click()
        expect(tile(page, "Backlog")).to_have_text("1")
        assert [event.data for event in drained(billing)] == [1]
        page.get_by_role("button", name="Unsubscribe orders.eu").click()
        expect(page.get_by_role("dialog")).to_contain_text("Its place is forgotten")
        page.get_by_role("dialog").get_by_role("button", name="Unsubscribe").click()
        expect(page.get_by_text("It follows nothing yet.")).to_be_visible()


def test_the_tail_leads_to_who_has_an_event_and_the_subscriber_page_says_why(page: Page, emulator: Emulator) -> None:
    """One subscriber has it leased, one filters it out."""
    billing, audit = Subscriber("billing", service=emulator.url), Subscriber("audit", service=emulator.url)
    billing.subscribe("orders.*", ack_deadline=600)
    audit.subscribe(">", filters=[{"exact": {"type": "other"}}])
    receipt = Publisher("shop", service=emulator.url).publish("orders.eu", {"number": 1})
    (held,) = billing.get_events()
    assert drained(audit) == []
    page.goto(f"{emulator.url}#/tail")
    page.locator(".events summary").click()
    page.get_by_role("link", name="Who has it?").click()
    expect(page.get_by_role("row", name="billing")).to_contain_text("It is with a consumer, as attempt 1")
    expect(page.get_by_role("row", name="audit")).to_contain_text("It is filtered out by")
    page.get_by_role("link", name="billing").click()
    expect(page.get_by_role("region", name="Leases").get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("region", name="Leases")).to_contain_text("orders.eu (1)")
    for topic, event, said in (
        ("orders.eu", receipt.sequence, "It is with a consumer"),
        ("orders.eu", "nothing", "no such event"),
        ("clicks", "1", "does not subscribe to clicks"),
    ):
        page.get_by_label("Topic").fill(topic)
        page.get_by_label("Sequence or id").fill(event)
        page.get_by_role("button", name="Explain").click()
        expect(page.locator(".answer")).to_contain_text(said)
    held.ack()
    billing.close()
    audit.close()


def test_names_that_every_object_has(page: Page, emulator: Emulator) -> None:
    """A pattern, a topic and an address with the name of a member of JavaScript's objects are like others."""
    with Subscriber("constructor", service=emulator.url) as subscriber:
        subscriber.subscribe("toString.*")
        Publisher("shop", service=emulator.url).publish("toString.valueOf", 1)
    page.goto(f"{emulator.url}#/subscribers?topic=toString.valueOf&event=0000-00000000000000000000")
    expect(page.get_by_role("row", name="constructor")).to_contain_text("It was not read yet")
    page.goto(f"{emulator.url}#/publish?topic=constructor")
    expect(page.get_by_label("Type")).to_have_value("event")
    page.goto(f"{emulator.url}#/constructor")
    expect(page.get_by_text("The console has no such page.")).to_be_visible()


@pytest.mark.parametrize(
    "fragment", ["token=%ff", "token=%E6%97%A5%0a", "/tail?start=%ff", "/tail?start=constructor", "/topics/%ff?%ff=%"]
)
def test_an_address_that_is_broken_breaks_no_page(emulator: Emulator, windows: Windows, fragment: str) -> None:
    """The panel is shown; what it cannot read is one line."""
    windows.allow("status of 40[01]")
    page = windows.open(f"{emulator.url}#{fragment}")
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_text("does not answer")).to_have_count(0)


def test_remove_a_subscriber(page: Page, emulator: Emulator) -> None:
    """The list is shown again, without it."""
    for name in ("billing", "audit"):
        Subscriber(name, service=emulator.url).subscribe("orders")
    page.goto(f"{emulator.url}#/subscribers/billing")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="Subscribers")).to_be_focused()
    expect(page.get_by_role("rowheader")).to_have_text(["audit"])


def test_an_open_row_pauses_the_tail_and_words_filter_what_is_shown(page: Page, emulator: Emulator) -> None:
    """Paused, the list stays as it is, and says how many events wait; words are in the address, so the view can be sent."""
    publisher = Publisher("shop", service=emulator.url)
    publisher.publish("orders", {"name": "Ada"})
    page.goto(f"{emulator.url}#/tail?topic=orders&topic=clicks")
    rows = page.locator(".events li")
    rows.locator("summary").click()
    expect(page.get_by_text("Paused, 0 events waiting")).to_be_visible()
    publisher.publish("clicks", {"name": "Grace"})
    expect(page.get_by_text("Paused, 1 event waiting")).to_be_visible()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Go on").click()
    expect(rows).to_have_count(2)
    page.get_by_label("Show events with these words").fill("grace clicks")
    expect(rows).to_have_count(1)
    assert page.url.endswith("#/tail?topic=orders&topic=clicks&words=grace+clicks")
    page.reload()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Grace")


def test_filters_are_evaluated_by_the_service(page: Page, emulator: Emulator) -> None:
    """What is no JSON is said beside the form; what the service refuses is one line, which goes when it is over."""
    publisher = Publisher("shop", service=emulator.url)
    publisher.publish("orders", 1, type="order.placed")
    publisher.publish("orders", 2, type="cart.left")
    page.goto(f"{emulator.url}#/tail?topic=orders")
    rows = page.locator(".events li")
    expect(rows).to_have_count(2)
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Filters, as subscriptions").fill('[{"prefix": {"type": "order."}}]')
    page.get_by_role("button", name="Show").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("order.placed")


def test_a_service_without_a_meter(page: Page, emulator: Emulator, windows: Windows) -> None:
    """One in a cloud has none: the panel says so, and asks once."""
    windows.allow("status of 404")
    asked: list[str] = []
    page.route("**/meter", lambda route: (asked.append(route.request.url), route.fulfill(status=404, json={})))
    page.goto(f"{emulator.url}#/cost")
    expect(page.get_by_text("This service has no meter")).to_be_visible()
    page.get_by_role("button", name="Refresh").click()
    page.get_by_role("link", name="Topics").click()
    page.get_by_role("link", name="Cost").click()
    expect(page.get_by_text("This service has no meter")).to_be_visible()
    assert len(asked) == 1


def test_a_price_stays_as_it_is_typed(page: Page, emulator: Emulator) -> None:
    """Reads that come meanwhile leave the field alone; the browser keeps what was typed."""
    page.goto(f"{emulator.url}#/cost")
    price = page.get_by_label("$ a million reads")
    price.fill("0.25")
    for _ in range(2):
        with page.expect_response("**/meter"):
            page.get_by_role("button", name="Refresh").dispatch_event("click")
    expect(price).to_have_value("0.25")
    price.press("Tab")
    page.reload()
    expect(price).to_have_value("0.25")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, "invalid_identity_token", "Not let in: "),
        (403, "not_owner", "Not yours: "),
        (503, "contended", "Not available now: "),
    ],
)
def test_a_failure_is_one_line_until_it_is_over(
    page: Page, emulator: Emulator, windows: Windows, status: int, code: str, said: str
) -> None:
    """The list that was read before stays."""
    windows.allow(f"status of {status}")
    Subscriber("billing", service=emulator.url).subscribe("orders")
    page.goto(f"{emulator.url}#/subscribers")
    row = page.get_by_role("rowheader")
    expect(row).to_have_text("billing")
    problem = {"status": status, "code": code, "title": code, "detail": "Because."}
    page.route("**/register?**", lambda route: route.fulfill(status=status, json=problem))
    expect(page.locator(".faults .problem")).to_have_count(1)
    expect(page.locator(".faults .problem")).to_contain_text(f"{said}Because. ({status} {code})")
    expect(row).to_have_text("billing")
    page.unroute("**/register?**")
    expect(page.locator(".faults .problem")).to_have_count(0)


def publish(page: Page, topic: str, data: str, *, kind: str = "event") -> None:
    """Fill the form, and send it."""
    page.get_by_label("Topic", exact=True).fill(topic)
    page.get_by_label("Type").fill(kind)
    page.get_by_label("Data", exact=True).fill(data)
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Stored as")).to_be_visible()


def tile(page: Page, label: str) -> Locator:
    """The number of a subscriber with this label."""
    return page.locator(".tiles div", has=page.get_by_text(label, exact=True)).locator("dd")
