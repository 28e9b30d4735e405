"""Serves the console's files: the page at ``/`` and what it loads under ``/console/``."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_etags

from pubsub_emulator.server.wsgi import Environ, StartResponse, respond_problem

__all__ = ["Page"]

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOLDER = Path(__file__).parent / "page"
_INDEX = "index.html"
_IMPORT_MAP = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)


class _File(NamedTuple):
    content: bytes
    headers: list[tuple[str, str]]
    etag: str


class Page:
    """Responds to requests for the console's files, which are read once. Requests for others it leaves to the caller.

    A path is looked up in the list of these files, and never joined to a folder's.
    """

    def __init__(self) -> None:
        paths = [path for path in _FOLDER.rglob("*.*") if path.suffix in _TYPES]
        found = {path.relative_to(_FOLDER).as_posix(): path.read_bytes() for path in paths}
        security = _security_headers(found[_INDEX])
        self._files = {f"/console/{name}": _file(name, content, security) for name, content in found.items()}
        self._index = self._files.pop(f"/console/{_INDEX}")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
        """Respond to a GET or HEAD for a file; to one for ``/`` if the client prefers HTML to JSON. None for anything else."""
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path.startswith("/console/"):
            file = self._files.get(path)
            if file is None:
                return respond_problem(start_response, 404, f"the console has no file {path!r}")
            if method not in {"GET", "HEAD"}:
                return respond_problem(
                    start_response, 405, f"GET or HEAD is expected for {path}; got {method}", ("Allow", "GET, HEAD")
                )
        elif path in {"", "/"} and method in {"GET", "HEAD"} and _prefers_html(environ):
            file = self._index
        else:
            return None
        return _respond(file, environ, start_response)


def _security_headers(index: bytes) -> list[tuple[str, str]]:
    """Return the headers that keep scripts and pages of elsewhere out.

    An import map can only be inline, so the policy names it by its hash.
    """
    hashes = [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in _IMPORT_MAP.findall(index)]
    scripts = " ".join(["'self'", *(f"'sha256-{text}'" for text in hashes)])
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return [
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Frame-Options", "DENY"),
    ]


def _file(name: str, content: bytes, security: list[tuple[str, str]]) -> _File:
    etag = hashlib.sha256(content).hexdigest()[:32]
    headers = [("ETag", f'"{etag}"'), ("Cache-Control", "no-cache"), *security]
    if name == _INDEX:
        headers.append(("Vary", "Accept"))
    headers.append(("Content-Type", _TYPES[Path(name).suffix]))
    return _File(content, headers, etag)


def _prefers_html(environ: Environ) -> bool:
    """Whether the client names HTML and does not like JSON better. ``*/*``, as of curl, prefers neither."""
    accepted = parse_accept_header(environ.get("HTTP_ACCEPT", ""), MIMEAccept)
    return accepted.best_match(["application/json", "text/html"]) == "text/html"


def _respond(file: _File, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if parse_etags(environ.get("HTTP_IF_NONE_MATCH")).contains_weak(file.etag):
        start_response("304 Not Modified", file.headers)
        return []
    start_response("200 OK", [*file.headers, ("Content-Length", str(len(file.content)))])
    return [file.content]
