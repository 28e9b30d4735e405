"""Servers that break every rule of HTTP, as real sockets on loopback."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator

__all__ = ["BROKEN", "broken_peer"]

#: 80 MiB of zeros
_PACKED = gzip.compress(bytes(80 << 20))
_HEAD = b"HTTP/1.1 200 OK\r\nX-Store-Time: 1700000000000000\r\n"


def _drip_body(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"Content-Length: 9999\r\n\r\n")
    _drip(connection)


def _drip_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(connection)


def _drip_chunks(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1\r\n \r\n")
        time.sleep(0.05)


def _drip(connection: socket.socket) -> None:
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


def _never_end(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"\r\n")
    while True:
        connection.sendall(b" " * 65536)


def _never_end_the_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: %b\r\n" % (b"x" * 1000))


def _never_begin(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def _announce_too_much(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"Content-Length: 99999999999\r\n\r\n" + b" " * 65536)


def _bomb(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_PACKED) + _PACKED)


def _time(value: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Store-Time: %b\r\nContent-Length: 2\r\n\r\n{}" % value)

    return serve


#: what a peer does once it has a request, by name; and which error the SDK makes of it
BROKEN: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "drips its body": (_drip_body, "Unavailable"),
    "drips its head": (_drip_head, "Unavailable"),
    "drips chunks": (_drip_chunks, "Unavailable"),
    "never ends": (_never_end, "ServiceError"),
    "never ends its head": (_never_end_the_head, "Unavailable"),
    "never begins": (_never_begin, "Unavailable"),
    "announces too much": (_announce_too_much, "ServiceError"),
    "sends a bomb": (_bomb, "ServiceError"),
    "has a time of 5,000 digits": (_time(b"9" * 5000), "ServiceError"),
    "has a time in words": (_time(b"noon"), "ServiceError"),
    "has a negative time": (_time(b"-1"), "ServiceError"),
}


@contextlib.contextmanager
def broken_peer(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request and then does `serve`; yields its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            serve(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connections.append(listening.accept()[0])
                threading.Thread(target=handle, args=(connections[-1],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
