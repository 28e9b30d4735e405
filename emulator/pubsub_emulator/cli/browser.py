"""The console's address, and the browser that shows it."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable

__all__ = ["console_url", "open_browser"]

#: addresses that stand for all of a machine's: {address: its loopback address, as a browser takes it}
_ANY = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


def console_url(url: str) -> str:
    """Return the console's address on this machine, for a server's base URL ``http://HOST:PORT``."""
    scheme, _, address = url.partition("://")
    host, _, port = address.rpartition(":")
    return f"{scheme}://{_ANY.get(host, host)}:{port}/"


def open_browser(url: str, say: Callable[[str], object]) -> None:
    """Open `url` in a browser, in a thread, as some browsers return only at their end. If there is none, `say` so."""

    def open_it() -> None:
        try:
            opened = webbrowser.open(url)
        except (OSError, webbrowser.Error):
            opened = False
        if not opened:
            say(f"no browser could be started; open {url}")

    threading.Thread(target=open_it, name="pubsub-browser", daemon=True).start()
