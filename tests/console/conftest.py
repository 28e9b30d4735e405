"""The console in a real browser, beside an emulator in this process.

`emulator` is a fresh one for each test, over an empty store. `page` is a window on its console. A test fails at anything that
a page must never do: an error on its console, a request to elsewhere, a dialog.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect, sync_playwright

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore

#: any of these is used; `make browser` installs the first
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: names of this machine, for pages of elsewhere (.test is reserved: RFC 2606)
_NAMES = "--host-resolver-rules=MAP *.test 127.0.0.1"
#: how long the browser may take to start, ms
_START_MS = 200_000
#: how long Playwright waits for what a test expects, ms: much, as the machine may be busy
_TIMEOUT_MS = 60_000


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path. Without it the tests are skipped; with CI=true they fail."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        said = "Chromium is needed: make browser"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser for the tests of a module.

    Not for a whole run: Playwright leaves an event loop running in this thread, and other tests could not begin theirs.
    """
    with sync_playwright() as playwright:
        # Chromium's sandbox cannot be made by root, nor in most containers
        launched = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", _NAMES], timeout=_START_MS
        )
        expect.set_options(timeout=_TIMEOUT_MS)
        yield launched
        launched.close()


@pytest.fixture
def store() -> Iterator[EphemeralStore]:
    """The emulator's store, empty."""
    opened = EphemeralStore()
    yield opened
    opened.close()


@pytest.fixture
def emulator(store: EphemeralStore) -> Iterator[Emulator]:
    """An emulator over an empty store. Its `url` is the console's, too."""
    with Emulator(store) as serving:
        yield serving


class Windows:
    """The windows that a test opens, and what they did that a page must not do."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._allowed: list[str] = []
        #: what a page must not do, in words
        self.faults: list[str] = []

    def open(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 800,
        colors: Literal["light", "dark"] = "light",
        responses: list[Response] | None = None,
        **context: Any,
    ) -> Page:
        """Open a window of its own (no storage shared) on a console at `url`, which may have a fragment.

        Args:
            url: the page's; requests to its origin are the only ones allowed
            width: of the window, CSS pixels
            height: of the window, CSS pixels
            colors: the theme that the system prefers
            responses: takes every response that the window gets
            context: further arguments of `Browser.new_context`
        """
        made = self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=colors, reduced_motion="reduce", **context
        )
        made.set_default_timeout(_TIMEOUT_MS)
        page = made.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._fault(f"exception: {error}"))
        page.on("dialog", lambda dialog: (self._fault(f"dialog: {dialog.message}"), dialog.dismiss()))
        home = urlsplit(url)[:2]
        page.on("request", lambda request: self._on_request(request, home))
        if responses is not None:
            page.on("response", lambda response: responses.append(response))  # noqa: PLW0108 - Playwright takes no built-in
        page.goto(url)
        return page

    def allow(self, *patterns: str) -> None:
        """Let messages on the browser's console pass that match a pattern: Chromium reports each answer of 400 or more."""
        self._allowed.extend(patterns)

    def close(self) -> None:
        """Close them all. Fails if a page did what it must not do."""
        for context in self._browser.contexts:
            context.close()
        assert self.faults == []

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._fault(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _on_request(self, request: Request, home: tuple[str, ...]) -> None:
        if urlsplit(request.url)[:2] != home and not request.url.startswith(("data:", "blob:")):
            self._fault(f"request to elsewhere: {request.url}")

    def _fault(self, fault: str) -> None:
        if not any(re.search(pattern, fault) for pattern in self._allowed):
            self.faults.append(fault)


@pytest.fixture
def windows(browser: Browser) -> Iterator[Windows]:
    """Opens windows, and fails the test if a page in one of them did what it must not do."""
    opened = Windows(browser)
    yield opened
    opened.close()


@pytest.fixture
def page(emulator: Emulator, windows: Windows) -> Page:
    """A window on the emulator's console. It closes before the emulator ends: a poll that is cut is an error for a browser."""
    return windows.open(emulator.url)
