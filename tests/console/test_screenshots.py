"""The documentation's images: each view with events in it. `make screenshots` writes them into docs/images."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import expect

from pubsub_emulator.emulator import Emulator

from .conftest import Windows
from .filled import filled

_IMAGES = Path(__file__).parents[2] / "docs" / "images"
#: all images together, bytes
_MOST = 400_000
_SUBSCRIBER = "/subscribers/billing?topic=orders.eu&event=0000-00000000000000000001"


def test_images_of_the_documentation(emulator: Emulator, windows: Windows, tmp_path: Path) -> None:
    """They show the console as it is; other runs make them, and leave the documentation alone."""
    folder = Path(os.environ.get("CONSOLE_SCREENSHOTS") or tmp_path)
    page = windows.open(emulator.url)
    with filled(emulator.url):

        def shot(name: str) -> None:
            expect(page.locator(".faults .problem")).to_have_count(0)
            page.screenshot(path=folder / f"console-{name}.png", animations="disabled")

        page.goto(f"{emulator.url}#/tail")
        expect(page.locator(".events li")).to_have_count(10)
        page.locator(".events li", has_text="Ghent").locator("summary").click()
        expect(page.locator(".body")).to_be_visible()
        page.mouse.move(0, 0)
        shot("tail")
        page.goto(f"{emulator.url}#{_SUBSCRIBER}")
        page.get_by_role("button", name="Explain").click()
        expect(page.locator(".answer")).to_contain_text("It failed for the last time")
        shot("subscriber")
        page.emulate_media(color_scheme="dark")
        page.goto(f"{emulator.url}#/dead")
        expect(page.locator(".letters .badge")).to_have_count(1)
        page.get_by_label("All 2 shown").check()
        shot("dead-letters")
        page.goto(
            f"{emulator.url}#/publish?topic=orders.eu&type=order.placed&data=%7B%22number%22%3A%2017%2C%20%22total%22%3A%2099.50%7D"
        )
        expect(page.get_by_role("region", name="curl")).to_be_visible()
        shot("publish")


def test_the_images_are_small() -> None:
    """Those of the documentation, all together."""
    assert sum(image.stat().st_size for image in _IMAGES.glob("console-*.png")) <= _MOST
