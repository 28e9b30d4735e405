"""Events that would do harm, or look like something else, are shown as they were published. A dialog fails each test."""

from __future__ import annotations

import json

import pytest
import requests
from playwright.sync_api import Page, expect

from pubsub_emulator.emulator import Emulator

_DEEP = "[" * 60 + "]" * 60
#: data as published, and how the line of the tail begins
_HOSTILE = {
    "script": ('"<script>alert(1)</script>"', '"<script>alert(1)</script>"'),
    "image": ('{"a":"<img src=x onerror=alert(1)>"}', '{"a":"<img src=x onerror=alert(1)>"}'),
    "closing": ('"</code></pre></template><svg onload=alert(1)>"', '"</code></pre></template><svg onload=alert(1)>"'),
    "template": ('"${alert(1)} {{alert(1)}}"', '"${alert(1)} {{alert(1)}}"'),
    "link": ('"javascript:alert(1)"', '"javascript:alert(1)"'),
    "deep": (_DEEP, _DEEP),
    "direction": ('"safe \u202efdp.exe"', '"safe \\u202efdp.exe"'),
    "unseen": ('"a\u200bb\u0085c\ufeff"', '"a\\u200bb\\u0085c\\ufeff"'),
    "prototype": ('{"__proto__":{"polluted":1},"constructor":2}', '{"__proto__":{"polluted":1},"constructor":2}'),
    "integer": (
        "[9223372036854775807,202201180000000014,9007199254740993]",
        "[9223372036854775807,202201180000000014,9007199254740993]",
    ),
    "decimal": ("[1.0,1e2,0.10000000000000000555,-0.0]", "[1.0,1e2,0.10000000000000000555,-0.0]"),
    "text of a number": ('["1e400",18446744073709551615]', '["1e400",18446744073709551615]'),
}


def test_events_are_shown_as_they_were_published(page: Page, emulator: Emulator) -> None:
    """In the line, and opened."""
    for number, (data, _) in enumerate(_HOSTILE.values()):
        store(
            emulator,
            f'{{"specversion":"1.0","id":"{number}","source":"s","type":"<b>t</b>","note":"<i>n</i>","data":{data}}}',
        )
    page.goto(f"{emulator.url}#/tail?topic=orders")
    lines = page.locator(".events .data")
    expect(lines).to_have_text([shown for _, shown in reversed(_HOSTILE.values())])
    expect(page.locator(".events .type").first).to_have_text("<b>t</b>")
    for index, (data, _) in enumerate(reversed(_HOSTILE.values())):
        page.locator(".events summary").nth(index).click()
        pre = page.locator(".events li").nth(index).get_by_role("region", name="Data")
        expect(pre).to_be_visible()
        assert "".join((pre.text_content() or "").split()) == "".join(visible(data).split())
    assert page.locator("main :is(script, img, svg, i, b)").count() == 0
    assert page.evaluate("({}).polluted") is None


def visible(text: str) -> str:
    """What has no look of its own, as its code."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


@pytest.mark.parametrize("where", ["id", "subject", "type", "source"])
def test_hostile_attributes(page: Page, emulator: Emulator, where: str) -> None:
    """Attributes are text too, also in the form that publishes one like it."""
    hostile = '"><img src=x onerror=alert(1)>&topic=other#/dead'
    members = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": 1, where: hostile}
    store(emulator, json.dumps(members))
    page.goto(f"{emulator.url}#/tail?topic=orders")
    page.locator(".events summary").click()
    expect(page.locator(".attributes")).to_contain_text(hostile)
    page.get_by_role("link", name="Publish one like it").click()
    expect(page.get_by_label("Topic", exact=True)).to_have_value("orders")
    if where in {"subject", "type"}:
        expect(page.get_by_label(where.title(), exact=True)).to_have_value(hostile)


def test_characters_that_reorder_others_are_shown_as_codes_in_attributes_too(page: Page, emulator: Emulator) -> None:
    """In the line and in what opens."""
    store(
        emulator,
        '{"specversion":"1.0","id":"\u202e1","source":"\u202es","type":"\u202et","subject":"\u202eb","data":1}',
    )
    page.goto(f"{emulator.url}#/tail?topic=orders")
    expect(page.locator(".events .type")).to_have_text("\\u202et")
    page.locator(".events summary").click()
    for shown in ("\\u202e1", "\\u202es", "\\u202et", "\\u202eb"):
        expect(page.locator(".attributes")).to_contain_text(shown)
    assert "\u202e" not in page.locator("main").inner_text()


def test_five_megabytes_do_not_hang_the_page(page: Page, emulator: Emulator) -> None:
    """One of 800 KB shows its first 20,000 characters, and all of it when asked; one like it can be published."""
    large = json.dumps({"lines": ["some twenty characters"] * 30_000, "n": 1.0})
    for number in range(7):
        store(emulator, f'{{"specversion":"1.0","id":"{number}","source":"s","type":"t","data":{large}}}')
    page.goto(f"{emulator.url}#/tail?topic=orders")
    expect(page.locator(".events li")).to_have_count(7)
    page.locator(".events summary").first.click()
    data = page.get_by_role("region", name="Data")
    expect(data).to_be_visible()
    assert len(data.text_content() or "") == 20_000
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_role("button", name="Show all")).to_have_count(0)
    assert len(data.text_content() or "") > len(large)
    page.get_by_role("link", name="Publish one like it").click()
    expect(page.get_by_role("heading", name="Publish")).to_be_focused()
    assert json.loads(page.get_by_label("Data", exact=True).input_value()) == json.loads(large)


def store(emulator: Emulator, event: str) -> None:
    """Publish an event, given as JSON, byte for byte."""
    body = f'{{"topic":"orders","publisher":"p","events":[{event}]}}'
    answer = requests.post(
        f"{emulator.url}/publish", data=body.encode(), headers={"Content-Type": "application/json"}, timeout=30
    )
    assert answer.status_code == 200, answer.text
