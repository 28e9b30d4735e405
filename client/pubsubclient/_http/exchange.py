"""A request whose answer is read later: the caller works while the service does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import wait_for_read, wait_for_write

from pubsubclient._core.clock import SYSTEM_CLOCK
from pubsubclient._http.adapter import BoundedAdapter, Pool, ShuttableConnection, read_whole
from pubsubclient._http.call import Call
from pubsubclient._http.tries import TryAgain, failure_of

if TYPE_CHECKING:
    from pubsubclient._http.transport import Response, Transport

__all__ = ["Exchange", "begin", "can_begin"]

#: how long the head of a request may take, seconds; it is small
_HEAD_S = 2.0
#: how much of a request one system call takes at most
_PIECE_BYTES = 256 * 1024
#: how long one such call may take, seconds
_PIECE_S = 0.02


class Exchange:
    """A request that is under way on a connection of its own. For one thread at a time.

    `write` sends as much as the connection takes. `finish` sends the rest, reads the answer, and gives the connection back.
    All of them keep what fails, and `finish` raises it, so whoever comes next finds the failure.
    """

    def __init__(
        self,
        transport: Transport,
        function: str,
        request: requests.PreparedRequest,
        adapter: BoundedAdapter,
        pool: Pool,
    ) -> None:
        self._transport = transport
        self._function = function
        self._request = request
        self._adapter = adapter
        self._pool = pool
        self._connection: ShuttableConnection | None = None
        self._began = time.monotonic()
        self._unsent = memoryview(b"")
        self._response: Response | None = None
        #: why there will be no answer; None as long as there may be one
        self.failure: BaseException | None = None

    @property
    def ready(self) -> bool:
        """Whether `finish` returns or raises without waiting for the service."""
        connection = self._connection
        if connection is None or self.failure is not None:
            return True
        sock = connection.raw_socket()
        return sock is None or (not self._unsent and wait_for_read(sock, 0))

    def open(self, connection: ShuttableConnection, body: bytes) -> None:
        """Send the request's head."""
        self._connection = connection
        self._request.prepare_content_length(body)
        with self._kept(), self._call(_HEAD_S):
            if connection.sock is not None:
                connection.sock.settimeout(_HEAD_S)
            # without the body, which `write` sends piece by piece
            connection.request(
                str(self._request.method),
                self._request.path_url,
                headers=self._request.headers,
                preload_content=False,
                decode_content=False,
            )
            self._unsent = memoryview(body)

    def write(self, within_s: float) -> None:
        """Send more of the request's body, until it is sent or `within_s` seconds are over."""
        if self.failure is None and self._unsent:
            with self._kept():
                self._write(within_s)

    def finish(self, within_s: float) -> Response:
        """Send the rest, read the answer, and return it, again if it was read before.

        Raises:
            ServiceError: the service responded with an error that another try would not change
            TryAgain: another try may succeed; also if the answer did not come within `within_s` seconds
        """
        if self._response is None and self.failure is None:
            with self._kept(), self._call(within_s) as call:
                self._response = self._read(within_s, call)
        if self._response is not None:
            return self._response
        raise self.failure or AssertionError("no answer, and no failure")

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        """Keep what the block raises in `failure`, and close the connection then.

        What is no Exception goes on to the caller: an exception of a signal handler, for example.
        """
        done = False
        try:
            yield
            done = True
        except requests.RequestException as error:
            self.failure = failure_of(error, self._request.url, self._transport.service)
        except (HTTPError, HTTPException, OSError) as error:
            self.failure = TryAgain(requests.ConnectionError(error), uncertain=True)
        except Exception as error:  # noqa: BLE001 - ServiceError, TryAgain, and what nobody expected: `finish` raises it
            self.failure = error
        finally:
            if not done:
                if self.failure is None:
                    self.failure = TryAgain(requests.ConnectionError("the request was interrupted"), uncertain=True)
                if isinstance(self.failure, TryAgain):
                    self.failure.elapsed_s = time.monotonic() - self._began
                if self._connection is not None:
                    self._connection.close()

    @contextlib.contextmanager
    def _call(self, within_s: float) -> Iterator[Call]:
        """Let the connection be shut when `within_s` seconds are over, even if data arrives."""
        with Call(time.monotonic() + within_s, None) as call:
            call.use(self._connected())
            yield call

    def _connected(self) -> ShuttableConnection:
        if self._connection is None or self._connection.sock is None:
            raise requests.ConnectionError("the connection was closed")
        return self._connection

    def _write(self, within_s: float) -> None:
        give_up = time.monotonic() + within_s
        while self._unsent:
            sock = self._connected().sock
            if not wait_for_write(sock, max(0.0, give_up - time.monotonic())):
                return
            sock.settimeout(_PIECE_S)  # a TLS socket may take longer than its connection, which takes data now
            try:
                sent = sock.send(self._unsent[:_PIECE_BYTES])
            except TimeoutError:
                return
            self._unsent = self._unsent[sent:]

    def _read(self, within_s: float, call: Call) -> Response:
        self._write(within_s)
        if self._unsent:
            raise requests.ReadTimeout("the service did not read the request in time")
        connection = self._connected()
        connection.timeout = within_s
        response = self._adapter.build_response(self._request, connection.getresponse())
        content = read_whole(self._function, response)
        answer = self._transport.interpret(self._function, response, content, call)
        if connection.sock is not None:
            connection.sock.settimeout(self._transport.service.read_timeout_s)
        self._pool.give_back(connection)
        return answer


def begin(transport: Transport, function: str, encode: Callable[[], bytes]) -> Exchange | None:
    """Begin a request over an open connection: send its head. `encode` makes the body.

    Returns None, and sends nothing, where `Transport.call` has to send it: no connection is open, the way leads over a proxy,
    or the program has given its own adapter.

    Raises IdentityError, TryAgain (nothing was sent).
    """
    adapter = transport.adapter
    if not can_begin(transport) or not isinstance(adapter, BoundedAdapter):
        return None
    request = transport.prepare(function)
    pool = adapter.pool_for(request, transport.settings(function))
    connection = None if pool is None else pool.take_open()
    if pool is None or connection is None:
        return None
    try:
        exchange = Exchange(transport, function, request, adapter, pool)
        exchange.open(connection, encode())
    except BaseException:
        connection.close()
        raise
    return exchange


def can_begin(transport: Transport) -> bool:
    """Whether `begin` can ever begin a request: not with an adapter that sends in a way of its own, or a clock of tests."""
    adapter, clock = transport.adapter, transport.service.clock
    return isinstance(adapter, BoundedAdapter) and type(adapter).send is HTTPAdapter.send and clock is SYSTEM_CLOCK
