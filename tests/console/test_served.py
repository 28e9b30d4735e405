"""The console's files come from an exact list, with headers that keep everything of elsewhere out."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Page, Response, expect

import pubsub_emulator.console
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore

from .conftest import Windows

_PAGE = Path(pubsub_emulator.console.__file__).parent / "page"
_FILES = sorted(path for path in _PAGE.rglob("*") if path.is_file())
_VENDOR = _PAGE / "vendor"
_BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
_TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}  # fmt: skip
_SERVED = [path for path in _FILES if path.suffix in _TYPES]
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}
_POLICY = {
    "default-src 'none'", "style-src 'self'", "connect-src 'self'", "img-src 'self'", "base-uri 'none'", "form-action 'none'",
    "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
}  # fmt: skip
#: all that a browser loads; of the JavaScript that is ours, the lines of code, and the characters of a line
_MAX_BYTES, _MAX_LINES, _MAX_LENGTH = 120 << 10, 900, 140


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """One emulator for all of these tests, which change nothing."""
    store = EphemeralStore()
    with Emulator(store) as serving:
        yield serving
    store.close()


def _get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=30)


def _raw(url: str, target: str, method: str = "GET") -> tuple[int, bytes]:
    """The answer to a target that is sent as it is."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.putrequest(method, target)
    connection.endheaders()
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (_BROWSER["Accept"], True),
        ("text/html", True),
        ("text/html;q=0.5, application/json;q=0.4", True),
        ("application/json", False),
        ("*/*", False),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0, */*", False),
        ("nonsense", False),
    ],
)
def test_browsers_get_the_page_and_programs_the_list_of_functions(emulator: Emulator, accept: str, html: bool) -> None:
    """At the same address; caches are told that it depends."""
    found = _get(emulator.url, Accept=accept)
    assert (found.status_code, found.headers["Vary"]) == (200, "Accept")
    assert found.headers["Content-Type"].startswith("text/html" if html else "application/json")
    assert html or set(found.json()) == {"version", "functions"}


def test_the_policy_allows_our_scripts_and_the_import_map_alone(emulator: Emulator) -> None:
    """Its hash is that of the page as it was served."""
    found = _get(emulator.url, **_BROWSER)
    scripts = re.findall(rb"<script([^>]*)>(.*?)</script>", found.content, re.DOTALL)
    inline = [text for attributes, text in scripts if b"src=" not in attributes]
    assert len(inline) == 1
    digest = base64.b64encode(hashlib.sha256(inline[0]).digest()).decode()
    policy = {part.strip() for part in found.headers["Content-Security-Policy"].split(";")}
    assert policy == _POLICY | {f"script-src 'self' 'sha256-{digest}'"}
    assert {name: found.headers[name] for name in _SECURITY} == _SECURITY
    assert not re.search(rb"<style|\sstyle=|\son[a-z]+=|javascript:", found.content, re.IGNORECASE)


@pytest.mark.parametrize("path", _SERVED, ids=lambda path: path.name)
def test_a_file_is_served_as_it_is(emulator: Emulator, path: Path) -> None:
    """With its type, the headers of the page, and a strong validator."""
    url = f"{emulator.url}/console/{path.relative_to(_PAGE).as_posix()}"
    found = _get(url)
    assert (found.status_code, found.content) == (200, path.read_bytes())
    assert found.headers["Content-Type"] == _TYPES[path.suffix]
    assert {name: found.headers[name] for name in _SECURITY} == _SECURITY
    etag = found.headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    again = _get(url, If_None_Match=f'"x", {etag}')
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert _get(url, If_None_Match='"x"').status_code == 200
    head = requests.head(url, timeout=30)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(found.content))


def test_the_page_has_no_other_files() -> None:
    """What is not served is the list of what was vendored."""
    assert {path.relative_to(_PAGE).as_posix() for path in _FILES if path not in _SERVED} == {
        "index.html", "vendor/VERSIONS.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    "target",
    [
        "/console", "/console/", "/console/index.html", "/console/page.py", "/console/../page.py", "/console/%2e%2e/page.py",
        "/console/js/../../page.py", "/console//console.css", "/console/./console.css", "/console/js", "/console/js/",
        "/console/..%2fpage.py", "/console/%00", "/console/CONSOLE.CSS", "/console/console.css%00",
        "/console/vendor/VERSIONS.json", "/console/..\\page.py", "/console/console.css/", "/console/%252e%252e/page.py",
    ],
)  # fmt: skip
def test_what_is_not_on_the_list_is_not_served(emulator: Emulator, target: str) -> None:
    """However its path is written."""
    status, content = _raw(emulator.url, target)
    assert status in {400, 404}
    assert json.loads(content)["status"] == status


def test_files_are_only_read(emulator: Emulator) -> None:
    """The response says how."""
    refused = requests.post(f"{emulator.url}/console/console.css", timeout=30)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")
    assert refused.json()["code"] == "method_not_allowed"


def test_the_page_runs_under_its_own_policy_and_is_small(emulator: Emulator, windows: Windows) -> None:
    """What a browser loads until the page is there."""
    responses: list[Response] = []
    page = windows.open(emulator.url, responses=responses)
    expect(page.locator("h1").first).to_be_visible()
    loaded = {path: response for response in responses if (path := urlsplit(response.url).path).startswith("/console/")}
    assert "/console/vendor/preact.mjs" in loaded
    assert sum(len(response.body()) for response in loaded.values()) <= _MAX_BYTES
    assert sum(path.stat().st_size for path in _SERVED if path.suffix != ".txt") <= _MAX_BYTES


def test_our_own_javascript_is_little() -> None:
    """Lines of code, without those that are empty or a comment. No line is long, so that their number says something."""
    ours = "\n".join(path.read_text() for path in (_PAGE / "js").rglob("*.js")).splitlines()
    assert sum(re.fullmatch(r"\s*(//.*)?", line) is None for line in ours) <= _MAX_LINES
    assert [line for line in ours if len(line) > _MAX_LENGTH] == []


def test_scripts_of_others_do_not_run(page: Page, windows: Windows) -> None:
    """Neither inline, nor from elsewhere, nor from text; and no text becomes HTML."""
    windows.allow("Content Security Policy", "TrustedHTML", "Trusted")
    done = page.evaluate(
        """async () => {
            const tries = {
                inline: () => document.head.append(Object.assign(document.createElement("script"), {text: "window.ran = 1"})),
                html: () => { document.body.innerHTML = "<img src=x onerror='window.ran = 1'>"; },
                handler: () => document.body.setAttribute("onclick", "window.ran = 1"),
                policy: () => trustedTypes.createPolicy("any", {createHTML: (text) => text}),
            };
            const refused = [];
            for (const [name, attempt] of Object.entries(tries)) {
                try { attempt(); } catch { refused.push(name); }
            }
            document.body.click();
            // in a task of its own, as Playwright may evaluate text
            await new Promise((over) => setTimeout(() => {
                try { eval("window.ran = 1"); } catch { refused.push("text"); }
                over();
            }));
            return [refused, window.ran === undefined];
        }"""
    )
    assert done == [["inline", "html", "handler", "policy", "text"], True]


@pytest.mark.parametrize(
    "package", json.loads((_VENDOR / "VERSIONS.json").read_text()), ids=lambda package: package["name"]
)
def test_vendored_files_are_those_of_npm(package: dict[str, object], tmp_path: Path) -> None:
    """Byte for byte, as the checksums beside them say; their licences lie beside them."""
    files = package["files"]
    assert isinstance(files, dict)
    for name, file in files.items():
        assert hashlib.sha256((_VENDOR / name).read_bytes()).hexdigest() == file["sha256"]
    licences = (_VENDOR / "LICENSES.txt").read_text()
    assert f"==== {package['name']} ({', '.join(files)}): {package['licence']} ====" in licences
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is needed to compare with npm's files")
    wanted = f"{package['name']}@{package['version']}"
    packed = subprocess.run(
        [npm, "pack", "--silent", wanted], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    if packed.returncode:
        pytest.skip(f"npm cannot fetch {wanted}: {packed.stderr[-200:]}")
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as archive:
        for name, file in files.items():
            original = archive.extractfile(f"package/{file['of']}")
            assert original is not None
            assert original.read() == (_VENDOR / name).read_bytes()
        licence = archive.extractfile("package/LICENSE")
        assert licence is not None
        assert licence.read().decode() in licences


def test_nothing_else_is_vendored() -> None:
    """Each file has its line in the list of versions."""
    listed = {name for package in json.loads((_VENDOR / "VERSIONS.json").read_text()) for name in package["files"]}
    assert {path.name for path in _VENDOR.iterdir()} == listed | {"VERSIONS.json", "LICENSES.txt"}
