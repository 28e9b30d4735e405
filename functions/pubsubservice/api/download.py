"""Downloads a small document within a bounded time and size, whatever the server does.

The timeout of a socket applies to each read, so a server that sends one byte per second never exceeds it. So each request runs
in a thread of its own, which bounds the DNS lookup too. At the end of the time its connection is shut down, which ends the
thread. No other module of the service starts threads. Nothing of the log passes through this one, so the simulation leaves
it out.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

import certifi

__all__ = ["Download", "DownloadFailed", "download"]


class Download(NamedTuple):
    """A response with status 200."""

    body: bytes
    #: the header Cache-Control; empty without one
    cache_control: str


class DownloadFailed(Exception):  # noqa: N818 - it is the download that failed
    """The document could not be downloaded; the message says why."""


def download(url: str, *, within_s: float, max_bytes: int) -> Download:
    """Get a document: uncompressed, without redirects and proxies, and https with the root certificates of certifi.

    Args:
        url: http:// or https://
        within_s: seconds for the whole download, from the DNS lookup to the last byte
        max_bytes: limit on the body

    Raises:
        DownloadFailed: the response is late, too large or encoded, or its status is not 200
    """
    request = _Request(url, within_s, max_bytes)
    try:
        threading.Thread(target=request.run, name="download", daemon=True).start()
    except RuntimeError as error:  # the process cannot start more threads
        raise DownloadFailed(str(error)) from error
    try:
        outcome = request.outcome.get(timeout=within_s)
    except queue.Empty:
        request.cancel()
        raise DownloadFailed(f"no complete response within {within_s:g} s") from None
    if isinstance(outcome, Exception):
        raise DownloadFailed(f"{type(outcome).__name__}: {outcome}") from outcome
    return outcome


class _Request:
    """One request, made by the thread that calls `run`; another thread may `cancel` it."""

    def __init__(self, url: str, timeout_s: float, max_bytes: int) -> None:
        self._url = urlsplit(url)
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._socket: socket.socket | None = None
        self._cancelled = False
        self.outcome: queue.SimpleQueue[Download | Exception] = queue.SimpleQueue()

    def run(self) -> None:
        try:
            self.outcome.put(self._get())
        except Exception as error:  # noqa: BLE001 - handed to the waiting thread
            self.outcome.put(error)

    def cancel(self) -> None:
        """End the thread soon, by shutting down the socket that it reads from or is about to read from."""
        self._cancelled = True
        if self._socket is not None:
            # the socket may be closed already
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _get(self) -> Download:
        with contextlib.closing(self._connection()) as connection:
            connection.connect()
            # the connection drops its reference to the socket once the response's headers have arrived
            self._socket = connection.sock
            if self._cancelled:
                raise TimeoutError("connected too late")
            target = self._url._replace(scheme="", netloc="", fragment="").geturl()
            connection.request("GET", target, headers={"Accept-Encoding": "identity", "Connection": "close"})
            with connection.getresponse() as response:
                if response.status != 200:
                    raise HTTPException(f"a status of 200 is expected; got {response.status}")
                encoding = response.headers.get("Content-Encoding", "identity")
                if encoding != "identity":
                    raise HTTPException(f"a response without Content-Encoding is expected; got {encoding[:40]!r}")
                body = response.read(self._max_bytes + 1)
                if len(body) > self._max_bytes:
                    raise HTTPException(f"a response of at most {self._max_bytes} bytes is expected")
                return Download(body, response.headers.get("Cache-Control", ""))

    def _connection(self) -> HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return HTTPConnection(host, port, timeout=self._timeout_s)
        # not the system's root certificates: the image that runs functions may have none
        context = ssl.create_default_context(cafile=certifi.where())
        return HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
