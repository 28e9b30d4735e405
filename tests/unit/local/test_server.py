"""The HTTP side: what gets through, how, and what happens at the end."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

from pubsub_emulator.errors import AddressError
from pubsub_emulator.server.server import Server


@pytest.fixture
def connection(server: Server) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    yield opened
    opened.close()


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str | None, object]:
    """Status, content type, and the parsed body."""
    connection.request(method, path, body, dict(headers or {}))
    answer = connection.getresponse()
    return answer.status, answer.headers["Content-Type"], json.loads(answer.read())


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_function_sees_itself_as_the_root(connection: http.client.HTTPConnection, method: str) -> None:
    body = b"{}" if method == "POST" else None
    status, _, answer = ask(connection, method, "/echo?a=b%20c", body)
    assert status == 200
    assert answer == {"path": "/", "root": "/echo", "method": method, "query": "a=b%20c", "body": len(body or b"")}


def test_healthz_answers(connection: http.client.HTTPConnection) -> None:
    status, content_type, answer = ask(connection, "GET", "/healthz")
    assert (status, content_type) == (200, "application/json")
    assert isinstance(answer, dict)
    assert answer["status"] == "ok"


def test_the_root_lists_the_functions(server: Server, connection: http.client.HTTPConnection) -> None:
    status, _, answer = ask(connection, "GET", "/")
    assert status == 200
    assert isinstance(answer, dict)
    assert answer["functions"] == {name: f"{server.url}/{name}" for name in ("echo", "slow", "large")}


@pytest.mark.parametrize("path", ["/nothing", "/echo/more", "/healthz/x", "/%ff"])
def test_an_unknown_path_is_a_problem(connection: http.client.HTTPConnection, path: str) -> None:
    status, content_type, answer = ask(connection, "POST", path, b"{}")
    assert (status, content_type) == (404, "application/problem+json")
    assert isinstance(answer, dict)
    assert (answer["status"], answer["code"]) == (404, "not_found")
    assert "echo" in answer["detail"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.5.5.5:1", "localhost:80", "LOCALHOST.", "[::1]:80", "a.localhost", "pubsub.test:8"]
)
def test_a_known_host_comes_through(connection: http.client.HTTPConnection, host: str) -> None:
    assert ask(connection, "GET", "/healthz", headers={"Host": host})[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "10.0.0.1", "[::2]", "", "[", "a@localhost:x"]
)
def test_an_unknown_host_is_a_problem(connection: http.client.HTTPConnection, host: str) -> None:
    """A page of evil.example whose name points to 127.0.0.1 shall not reach the functions."""
    status, content_type, answer = ask(connection, "GET", "/echo", headers={"Host": host})
    assert (status, content_type) == (421, "application/problem+json")
    assert isinstance(answer, dict)
    assert answer["code"] == "host_not_allowed"


def test_a_page_of_another_origin_is_kept_out(connection: http.client.HTTPConnection) -> None:
    status, _, answer = ask(connection, "POST", "/echo", b"{}", {"Origin": "https://evil.example"})
    assert status == 403
    assert isinstance(answer, dict)
    assert answer["code"] == "origin_not_allowed"
    assert ask(connection, "POST", "/echo", b"{}", {"Origin": "null"})[0] == 403
    assert ask(connection, "POST", "/echo", b"{}", {"Origin": "http://localhost:3000"})[0] == 403
    own = f"http://{connection.host}:{connection.port}"
    assert ask(connection, "POST", "/echo", b"{}", {"Origin": own})[0] == 200


def test_a_connection_serves_many_requests_and_tells_nothing_of_the_server(
    connection: http.client.HTTPConnection,
) -> None:
    connection.connect()
    first = connection.sock
    for _ in range(5):
        connection.request("POST", "/echo", b"x" * 1000)
        answer = connection.getresponse()
        answer.read()
        assert answer.version == 11
        assert answer.headers["Server"] is None
        assert answer.headers["Connection"] is None
    assert connection.sock is first


def test_large_bodies_pass_both_ways(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "POST", "/echo", b"x" * (4 << 20))[2] == {
        "path": "/", "root": "/echo", "method": "POST", "query": "", "body": 4 << 20,
    }  # fmt: skip
    connection.request("GET", f"/large?bytes={9 << 20}")
    assert len(connection.getresponse().read()) == 9 << 20


def test_a_body_that_the_cloud_would_not_take_is_refused(server: Server) -> None:
    """Before it is sent, by what its length says."""
    with socket.create_connection(("127.0.0.1", server.port), 20) as raw:
        raw.sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33554433\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_goes_away_is_no_event(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 20) as raw:
        raw.sendall(b"GET /slow?seconds=0.2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert server.drain(20)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


class Gated:
    """An application that answers when told to."""

    def __init__(self) -> None:
        self.entered, self.gate = threading.Event(), threading.Event()

    def __call__(self, _environ: object, start_response: Callable[..., object]) -> list[bytes]:
        self.entered.set()
        self.gate.wait(30)
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]


def test_draining_answers_what_is_under_way_and_takes_nothing_new() -> None:
    app = Gated()
    server = Server(app)
    busy = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    busy.request("GET", "/")
    app.entered.wait(30)
    drained: list[bool] = []
    thread = threading.Thread(target=lambda: drained.append(server.drain(30)))
    thread.start()
    while _accepts(server.port):
        pass
    assert not drained
    app.gate.set()
    assert busy.getresponse().read() == b"done"
    thread.join()
    assert drained == [True]
    busy.close()
    server.close()


def test_draining_ends_at_its_bound() -> None:
    app = Gated()
    server = Server(app)
    busy = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    busy.request("GET", "/")
    app.entered.wait(30)
    assert not server.drain(0.1)
    app.gate.set()
    server.close()
    busy.close()


def test_a_port_in_use_is_said(server: Server) -> None:
    with pytest.raises(AddressError, match=rf"cannot listen on 127\.0\.0\.1 port {server.port}: .*in use"):
        Server(lambda *_: [], port=server.port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "256.1.1.1", "a..b"])
def test_an_unknown_host_to_listen_on_is_said(host: str) -> None:
    with pytest.raises(AddressError, match="unknown host"):
        Server(lambda *_: [], host)


def test_an_address_of_another_machine_is_said() -> None:
    with pytest.raises(AddressError, match=r"cannot listen on 192\.0\.2\.1"):
        Server(lambda *_: [], "192.0.2.1")


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
