"""A server on this machine that breaks every rule of a good answer, each in a way of its own."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable, Iterator

__all__ = ["BROKEN", "BrokenServer"]

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_PIECE = 65536


class BrokenServer:
    """Answers each connection with the pieces that `pieces` yields, `pause_s` apart, until the other side has had enough."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]], pause_s: float) -> None:
        self._pieces = pieces
        self._pause_s = pause_s
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/certs"
        self._threads[0].start()

    def close(self) -> None:
        self._closed.set()
        # an accept() that waits is not ended by close() alone
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(_PIECE)
            for piece in self._pieces():
                connection.sendall(piece)
                if self._closed.wait(self._pause_s):
                    return
            while connection.recv(_PIECE):
                pass


def _endlessly(first: bytes, then: bytes) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield first
        while True:
            yield then

    return pieces


def _once(content: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: iter([content])


_BOMB = gzip.compress(b" " * (64 << 20))

#: what it sends, by what is wrong with it, and how many seconds lie between the pieces
BROKEN: dict[str, tuple[Callable[[], Iterator[bytes]], float]] = {
    "silence": (_once(b""), 0),
    "a head that drips": (_endlessly(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"), 0.01),
    "headers that drip": (_endlessly(_HEAD, b"X-A: b\r\n"), 0.1),
    "a body that drips": (_endlessly(_HEAD + b"Content-Length: 9999\r\n\r\n", b" "), 0.01),
    "chunks that drip": (_endlessly(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"), 0.01),
    "promises of an answer": (_endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), 0.01),
    "an endless body": (_endlessly(_HEAD + b"\r\n", b" " * _PIECE), 0),
    "endless chunks": (
        _endlessly(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n%b\r\n" % (b" " * _PIECE)),
        0,
    ),
    "a body that is said to be huge": (_endlessly(_HEAD + b"Content-Length: 99999999999\r\n\r\n", b" " * _PIECE), 0),
    "a gzip bomb": (_once(_HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(_BOMB), _BOMB)), 0),
    "a body that is cut": (_once(_HEAD + b'Content-Length: 99\r\n\r\n{"a": "'), 0),
    "a redirect": (_once(b"HTTP/1.1 302 Found\r\nLocation: /certs\r\nContent-Length: 0\r\n\r\n"), 0),
    "another protocol": (_once(b"SSH-2.0-OpenSSH_9.2\r\n"), 0),
}
