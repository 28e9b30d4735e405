"""What a fetch over TLS believes, and that it ends whatever arrives."""

from __future__ import annotations

import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import certifi
import pytest

from auth.broken import BROKEN, BrokenServer
from auth.certified import certified
from e2e.serving import environment
from pubsubservice.api import certificates
from pubsubservice.api.certificates import Certificates
from pubsubservice.api.download import DownloadFailed, download
from pubsubservice.core.problems import Unavailable
from pubsubservice.core.runtime import SystemRuntime


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"{self.path} {self.headers['Accept-Encoding']}".encode()
        self.send_response(200)
        self.send_header("Cache-Control", "max-age=17")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A server on this machine, whose certificate it has signed itself."""
    own = certified("server")
    (tmp_path / "server.pem").write_bytes(own.key + own.certificate.encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is one that the world trusts."""
    (tmp_path / "roots.pem").write_text(certified("server").certificate)
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "roots.pem"))


@pytest.mark.usefixtures("trusted")
def test_a_document_comes_as_it_is(port: int) -> None:
    """With its path and query, and what it says of its age."""
    got = download(f"https://127.0.0.1:{port}/oauth2/v1/certs?alt=pem#ignored", within_s=60, max_bytes=100)
    assert got == (b"/oauth2/v1/certs?alt=pem identity", "max-age=17")


def test_a_server_that_nobody_vouches_for_is_not_believed(port: int) -> None:
    """Whoever can answer in Google's place could be anybody in everybody's place."""
    with pytest.raises(DownloadFailed, match="CERTIFICATE_VERIFY_FAILED"):
        download(f"https://127.0.0.1:{port}/certs", within_s=60, max_bytes=100)


@pytest.mark.usefixtures("trusted")
def test_nor_one_with_the_certificate_of_another_name(port: int) -> None:
    with pytest.raises(DownloadFailed, match="Hostname mismatch"):
        download(f"https://localhost:{port}/certs", within_s=60, max_bytes=100)


@pytest.mark.usefixtures("trusted")
def test_a_byte_too_many_is_too_many(port: int) -> None:
    assert len(download(f"https://127.0.0.1:{port}/", within_s=60, max_bytes=10).body) == 10
    with pytest.raises(DownloadFailed, match="at most 9 bytes"):
        download(f"https://127.0.0.1:{port}/", within_s=60, max_bytes=9)


def test_a_server_that_says_nothing_of_tls_is_given_up() -> None:
    """The handshake counts, too; and a port where nobody listens is an answer at once."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:  # it listens, and serves nobody
        with pytest.raises(DownloadFailed, match=r"no complete response within 0\.2 s"):
            download(f"https://127.0.0.1:{server.server_address[1]}/", within_s=0.2, max_bytes=100)
        port = server.server_address[1]
    with pytest.raises(DownloadFailed, match="ConnectionRefusedError"):
        download(f"http://127.0.0.1:{port}/", within_s=60, max_bytes=100)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_fetch_ends_whatever_arrives(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the service's own words, and without a thread left that still reads; known keys go on."""
    monkeypatch.setattr(certificates, "_FETCH_S", 0.5)
    server = BrokenServer(*BROKEN[broken])
    keys = Certificates(SystemRuntime(), server.url)
    with pytest.raises(Unavailable, match="certificates that verify tokens cannot be fetched now"):
        keys("a")
    for thread in threading.enumerate():
        if thread.name == "download":
            thread.join(60)
            assert not thread.is_alive()
    server.close()


def test_the_memory_of_a_fetch_is_bounded() -> None:
    """By a process that may have 256 MiB more than it starts with: an endless body, and one that unpacks to more."""
    for broken in ("an endless body", "endless chunks", "a body that is said to be huge", "a gzip bomb"):
        server = BrokenServer(*BROKEN[broken])
        ran = subprocess.run(
            [sys.executable, "-c", _FETCH_IN_LITTLE_MEMORY, server.url],
            env=environment(), check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert (ran.returncode, ran.stdout) == (0, "certificates_unavailable\n"), (broken, ran.stderr)
        server.close()


_FETCH_IN_LITTLE_MEMORY = """
import resource, sys
from pubsubservice.api.certificates import Certificates
from pubsubservice.core.problems import Unavailable
from pubsubservice.core.runtime import SystemRuntime
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() if sys.platform == "linux" else 1 << 30
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20),) * 2)
try:
    Certificates(SystemRuntime(), sys.argv[1])("a")
except Unavailable as error:
    print(error.code)
"""
