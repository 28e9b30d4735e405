"""A GET of a small document that ends in time, and holds no more than it may, whatever the server sends or does not send.

The timeout of a socket is for one read: a server that sends a byte a second is never late. So the request is made in a thread
of its own, which bounds the look-up of the name too; its connection is shut when the time is over, which ends the thread. No
other module of the service starts one: nothing of the log passes through here, so the simulation does without.
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
    """What a server answered with 200."""

    body: bytes
    #: the header of that name; empty without one
    cache_control: str


class DownloadFailed(Exception):  # noqa: N818 - it is the download that failed
    """There is no such document now; the message says why."""


def download(url: str, *, within_s: float, max_bytes: int) -> Download:
    """Get a document as it is: uncompressed, without following redirects, past proxies, https by the roots of certifi.

    Args:
        url: http:// or https://
        within_s: seconds for all of it, from the look-up of the name to the last byte
        max_bytes: of the body

    Raises:
        DownloadFailed: it did not come in time, is too large or encoded, or has another status than 200
    """
    request = _Request(url, within_s, max_bytes)
    try:
        threading.Thread(target=request.run, name="download", daemon=True).start()
    except RuntimeError as error:  # there are as many threads as there can be
        raise DownloadFailed(str(error)) from error
    try:
        outcome = request.outcome.get(timeout=within_s)
    except queue.Empty:
        request.cut()
        raise DownloadFailed(f"there was no whole answer within {within_s:g} s") from None
    if isinstance(outcome, Exception):
        raise DownloadFailed(f"{type(outcome).__name__}: {outcome}") from outcome
    return outcome


class _Request:
    """One request, made by the thread that calls `run`; another one may `cut` it."""

    def __init__(self, url: str, timeout_s: float, max_bytes: int) -> None:
        self._url = urlsplit(url)
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._socket: socket.socket | None = None
        self._is_cut = False
        self.outcome: queue.SimpleQueue[Download | Exception] = queue.SimpleQueue()

    def run(self) -> None:
        try:
            self.outcome.put(self._get())
        except Exception as error:  # noqa: BLE001 - for the thread that waits
            self.outcome.put(error)

    def cut(self) -> None:
        """Have the thread end soon: what it reads from, or is about to read from, is shut."""
        self._is_cut = True
        if self._socket is not None:
            # it may be closed by now
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _get(self) -> Download:
        with contextlib.closing(self._connection()) as connection:
            connection.connect()
            # the connection forgets its socket when the answer's head has come
            self._socket = connection.sock
            if self._is_cut:
                raise TimeoutError("connected too late")
            target = self._url._replace(scheme="", netloc="", fragment="").geturl()
            connection.request("GET", target, headers={"Accept-Encoding": "identity", "Connection": "close"})
            with connection.getresponse() as response:
                if response.status != 200:
                    raise HTTPException(f"a status of 200 is expected; got {response.status}")
                encoding = response.headers.get("Content-Encoding", "identity")
                if encoding != "identity":
                    raise HTTPException(f"an answer without Content-Encoding is expected; got {encoding[:40]!r}")
                body = response.read(self._max_bytes + 1)
                if len(body) > self._max_bytes:
                    raise HTTPException(f"an answer of {self._max_bytes} bytes at most is expected")
                return Download(body, response.headers.get("Cache-Control", ""))

    def _connection(self) -> HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return HTTPConnection(host, port, timeout=self._timeout_s)
        # not the system's: what runs functions need not have any
        context = ssl.create_default_context(cafile=certifi.where())
        return HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
