"""Listeners that answer as a faulty service would."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

from auth.certified import certified
from pubsubclient import __version__

__all__ = ["answering", "closed_port", "silent", "tls"]

_WELL = {"Content-Type": "application/json", "X-Service-Version": __version__, "X-Store-Time": "1790000000000000"}


@contextmanager
def answering(body: object, status: int = 200, *, raw: bytes | None = None, **headers: str) -> Iterator[str]:
    """Answer every request with this body; its address. `raw`: with these bytes instead of HTTP."""
    text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    named = {
        **_WELL,
        "Date": formatdate(usegmt=True),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    head = f"HTTP/1.1 {status} Said\r\n{lines}Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server, _serving(server, raw or head.encode() + text):
        yield _url(server)


@contextmanager
def silent() -> Iterator[str]:
    """Take connections and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield _url(server)


@contextmanager
def tls(folder: Path) -> Iterator[str]:
    """Serve over TLS, with a certificate that nobody knows."""
    pair = certified("stranger")
    (folder / "key.pem").write_bytes(pair.key)
    (folder / "certificate.pem").write_text(pair.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as server, _serving(server, b"", context):
        yield _url(server).replace("http:", "https:")


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def problem(status: int, code: str) -> Mapping[str, object]:
    """The body of an error of the service's own."""
    return {"type": "about:blank", "title": code, "status": status, "code": code, "detail": f"It is {code}."}


@contextmanager
def _serving(server: socket.socket, answer: bytes, context: ssl.SSLContext | None = None) -> Iterator[None]:
    threading.Thread(target=_serve, args=(server, answer, context), daemon=True).start()
    try:
        yield
    finally:
        # a thread in accept() is not woken by close() alone
        server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, answer: bytes, context: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            try:
                peer = context.wrap_socket(connection, server_side=True) if context else connection
                if peer.recv(65_536):
                    peer.sendall(answer)
                    # closing with something unread would reset the connection, and the peer might lose the answer
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(65_536):
                        pass
            except OSError:
                continue


def _url(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"
