"""The transport adapter of `requests` for all calls: a call can shut its connection, and responses have a size limit."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.connection import is_connection_dropped

from pubsubclient._http.call import Call, current_call
from pubsubclient._http.identity import is_loopback
from pubsubclient._http.responses import bad_response

__all__ = ["BoundedAdapter", "Pool", "ShuttableConnection", "read_whole", "settings_of"]

#: the most bytes of a response; the service sends at most 8 MiB of events
_MAX_RESPONSE_BYTES = 64 * 1024 * 1024
#: whether urllib3 is 2 or later, whose connections read answers by themselves
_ANSWERS_LATER = hasattr(HTTPConnection, "is_connected")
#: how many bytes are read at once when the response does not say its length
_CHUNK_BYTES = 1024 * 1024


class ShuttableConnection(HTTPConnection):
    """A connection that its present call can shut."""

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


class _ShuttableTLS(ShuttableConnection, HTTPSConnection):
    """A TLS connection that its present call can shut, even during the handshake."""

    #: a duplicate of the socket during the TLS handshake, while the wrapper detaches the original from its object
    _handshaking: socket.socket | None = None

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            if self._handshaking is not None:
                self._handshaking.close()
                self._handshaking = None

    def raw_socket(self) -> socket.socket | None:
        return self._handshaking or self.sock

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self._handshaking = connected.dup()
        return connected


class Pool(HTTPConnectionPool):
    """The connections to one host; a request whose answer is read later can take one of them."""

    ConnectionCls = ShuttableConnection

    def take_open(self) -> ShuttableConnection | None:
        """Take an idle connection out of the pool; None if none is open."""
        connection = self._get_conn()
        if is_connection_dropped(connection):
            self._put_conn(connection)
            return None
        return connection  # type: ignore[return-value]

    def give_back(self, connection: ShuttableConnection) -> None:
        """Put a connection back whose answer was read to its end."""
        self._put_conn(connection)


class _TLSPool(HTTPSConnectionPool, Pool):
    ConnectionCls = _ShuttableTLS


class BoundedAdapter(HTTPAdapter):
    """Sends requests over connections that calls can shut."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        _use_our_pools(self.poolmanager)

    def pool_for(self, request: requests.PreparedRequest, settings: Mapping[str, Any]) -> Pool | None:
        """Return the pool of a request's host; None if the way there leads over a proxy, or `requests` is too old to tell."""
        if select_proxy(str(request.url), settings["proxies"]) or not hasattr(self, "get_connection_with_tls_context"):
            return None
        pool = self.get_connection_with_tls_context(request, settings["verify"], cert=settings["cert"])
        return pool if isinstance(pool, Pool) and _ANSWERS_LATER else None

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **named)
        _use_our_pools(manager)
        return manager


def _use_our_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": Pool, "https": _TLSPool}


def settings_of(url: str) -> dict[str, Any]:
    """Return the environment's proxies and trusted certificates for a URL, as `BoundedAdapter.send` takes them. Slow."""
    found = dict(requests.Session().merge_environment_settings(url, {}, None, None, None))
    if is_loopback(url):
        found["proxies"] = {}  # for a proxy, a loopback address means the proxy's own machine
    return found


def read_whole(function: str, response: requests.Response, max_bytes: int = _MAX_RESPONSE_BYTES) -> bytes:
    """Read the body of a function's response.

    A body with a Content-Length is read at once. `requests` itself reads chunks of 10 KiB, which takes three times as long.

    Raises requests.RequestException if the body does not arrive; ServiceError (``bad_answer``) if it is larger than
    `max_bytes`, or compressed. The client does not accept compression, because a body could unpack to any size.
    """
    raw = response.raw
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if not isinstance(raw, HTTPResponse):
        content: bytes | None = response.content or b""  # the response of an adapter without urllib3
    elif encoding != "identity":
        response.close()
        raise bad_response(
            function, f"it is encoded ({encoding[:40]!r}), which was not asked for", response.status_code
        )
    else:
        try:
            content = _read(raw, max_bytes)
        except HTTPError as error:
            raise requests.ConnectionError(error) from error
    if content is None or len(content) > max_bytes:
        response.close()
        raise bad_response(function, f"it is larger than {max_bytes >> 20} MiB", response.status_code)
    return content


def _read(raw: HTTPResponse, max_bytes: int) -> bytes | None:
    """Read a body; None if it is too large."""
    length = raw.length_remaining
    if length is not None:
        return raw.read(decode_content=False) if length <= max_bytes else None
    chunks: list[bytes] = []
    size = 0
    while chunk := raw.read(min(max_bytes, _CHUNK_BYTES), decode_content=False):
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            return None
    return b"".join(chunks)
