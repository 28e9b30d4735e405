"""The adapter of `requests` that all calls go through: connections that a call can shut, answers of bounded size."""

from __future__ import annotations

import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from pubsubclient._http.call import Call, current_call
from pubsubclient._http.responses import bad_answer

__all__ = ["BoundedAdapter", "read_whole"]

#: bytes of an answer: the service's are at most 8 MiB of events
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024


class _Shuttable(HTTPConnection):
    """A connection that the call which uses it can shut."""

    call: Call | None = None

    def request(self, *arguments: Any, **named: Any) -> None:
        self._begin()
        super().request(*arguments, **named)

    def raw_socket(self) -> socket.socket | None:
        return self.sock

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self._begin()
        return connected

    def _begin(self) -> None:
        call = current_call()
        if call is not None:
            call.use(self)


class _ShuttableTLS(_Shuttable, HTTPSConnection):
    """The same over TLS, from the first byte of the handshake on."""

    #: the same connection while TLS is set up, which takes the socket away from its object
    _setting_up: socket.socket | None = None

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            if self._setting_up is not None:
                self._setting_up.close()
                self._setting_up = None

    def raw_socket(self) -> socket.socket | None:
        return self._setting_up or self.sock

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self._setting_up = connected.dup()
        return connected


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Shuttable


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _ShuttableTLS


class BoundedAdapter(HTTPAdapter):
    """Sends requests over connections that calls can shut."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        _use_our_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **named)
        _use_our_pools(manager)
        return manager


def _use_our_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}


def read_whole(function: str, response: requests.Response, most: int = _MAX_ANSWER_BYTES) -> bytes:
    """The bytes of an answer of a function.

    At once, if it says how long it is: `requests` itself reads pieces of 10 KiB, which takes three times as long.

    Raises requests.RequestException if they do not come; ServiceError (``bad_answer``) for more than `most` bytes, and for
    what is compressed though nobody asked for that: it could unpack to any size.
    """
    raw = response.raw
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if not isinstance(raw, HTTPResponse):
        content: bytes | None = response.content or b""  # what other adapters make of it
    elif encoding != "identity":
        response.close()
        raise bad_answer(function, f"it is encoded ({encoding[:40]!r}), which was not asked for", response.status_code)
    else:
        try:
            content = _read(raw, most)
        except HTTPError as error:
            raise requests.ConnectionError(error) from error
    if content is None or len(content) > most:
        response.close()
        raise bad_answer(function, f"it is larger than {most >> 20} MiB", response.status_code)
    return content


def _read(raw: HTTPResponse, most: int) -> bytes | None:
    """A body; None if it is too large."""
    length = raw.length_remaining
    if length is not None:
        return raw.read(decode_content=False) if length <= most else None
    pieces: list[bytes] = []
    size = 0
    while piece := raw.read(min(most, _PIECE_BYTES), decode_content=False):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            return None
    return b"".join(pieces)
