"""The console from the command line: `pubsub console`, and what `pubsub emulator` has of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from auth.loopback import Answer, Loopback
from e2e.serving import environment
from pubsub_emulator.cli.browser import console_url

_COMMAND = [sys.executable, "-m", "pubsub_emulator"]
_HTML = {"Accept": "text/html"}

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command in a process of its own, which ends with the test at the latest."""
    started: list[subprocess.Popen[str]] = []

    def start_one(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [*_COMMAND, *arguments]
        started.append(subprocess.Popen(command, env=environment(**variables), cwd=tmp_path, text=True, **streams))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _ready(process: subprocess.Popen[str], name: str = "console") -> str:
    """The base URL that the ready line says, without a slash."""
    said = f"pubsub {name} ready: "
    line = _line(process)
    assert line.startswith(said), (line, *process.communicate())
    return line.removeprefix(said).strip().rstrip("/")


def _ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_while_a_poll_is_held(start: Start, number: int) -> None:
    """The service holds the poll until after the end of the command."""
    fake, held, ended = Loopback(), threading.Event(), threading.Event()

    def hold(_: object) -> Answer:
        held.set()
        ended.wait(120)
        return Answer({})

    fake.answer("/get_events", hold)
    process = start("console", "--service", fake.url, "--port", "0")
    url = _ready(process)
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(requests.get, f"{url}/get_events?topic=t&wait_s=20", timeout=120)
        assert held.wait(60)
        process.send_signal(number)
        assert _ended(process) == (0, "", "")
        ended.set()
        assert poll.result().status_code == 504
    fake.close()


def test_the_service_is_found_as_by_every_command(start: Start) -> None:
    """By the environment too, and its token with it."""
    fake = Loopback()
    fake.answer("/register", Answer({"names": []}, {"Content-Type": "application/json"}))
    process = start("console", "--port", "0", PUBLISH_SUBSCRIBE_SERVICE=fake.url, PUBLISH_SUBSCRIBE_TOKEN="mine")
    url = _ready(process)
    assert requests.get(url, headers=_HTML, timeout=30).headers["Content-Type"] == "text/html; charset=utf-8"
    assert requests.get(f"{url}/register?topic=", timeout=30).json() == {"names": []}
    assert fake.asked[0].headers["X-Pubsub-Token"] == "mine"
    fake.close()


def test_the_ready_line_as_json(start: Start) -> None:
    """With --json it is an object."""
    process = start("console", "--json", "--service", "http://127.0.0.1:9", "--port", "0")
    url = json.loads(_line(process))["url"]
    assert requests.get(url, headers=_HTML, timeout=30).status_code == 200


def test_what_cannot_be_done_is_said_in_a_line(start: Start) -> None:
    """A port that is taken, no service, options that contradict each other."""
    taken = socket.create_server(("127.0.0.1", 0))
    port = str(taken.getsockname()[1])
    cases = {
        ("console", "--service", "http://127.0.0.1:9", "--port", port): f"cannot listen on 127.0.0.1 port {port}: ",
        ("console", "--port", "0"): "pubsub console: No service is named.",
        ("emulator", "--ephemeral", "--open", "--no-console"): "--open is not allowed with --no-console",
    }
    for arguments, says in cases.items():
        code, out, err = _ended(start(*arguments))
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert says in err
    taken.close()


def test_the_emulator_says_where_its_console_is(start: Start) -> None:
    """On stderr; for programs it lists its functions as ever."""
    process = start("emulator", "--ephemeral", "--port", "0")
    url = _ready(process, "emulator")
    assert requests.get(url, headers=_HTML, timeout=30).headers["Content-Type"] == "text/html; charset=utf-8"
    assert "publish" in requests.get(url, timeout=30).json()["functions"]
    process.terminate()
    assert f"pubsub emulator: console: {url}/\n" in _ended(process)[2]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://0.0.0.0:8000", "http://127.0.0.1:8000/"),
        ("http://[::]:8000", "http://[::1]:8000/"),
        ("http://[::1]:80", "http://[::1]:80/"),
        ("http://pubsub.test:9000", "http://pubsub.test:9000/"),
    ],
)
def test_an_address_for_all_networks_is_shown_as_the_loopback_one(url: str, shown: str) -> None:
    """Browsers do not take 0.0.0.0."""
    assert console_url(url) == shown


def test_an_emulator_without_a_console(start: Start) -> None:
    """Browsers get the list of functions too, and no file."""
    process = start("emulator", "--ephemeral", "--port", "0", "--no-console")
    url = _ready(process, "emulator")
    assert "functions" in requests.get(url, headers=_HTML, timeout=30).json()
    assert requests.get(f"{url}/console/console.css", timeout=30).status_code == 404
    process.terminate()
    assert "console" not in _ended(process)[2]


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script is the browser")
@pytest.mark.parametrize("arguments", [("emulator", "--ephemeral"), ("console", "--service", "http://127.0.0.1:9")])
def test_the_browser_is_opened(start: Start, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Once it is ready."""
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    os.mkfifo(opened)
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o700)
    url = _ready(start(*arguments, "--port", "0", "--open", BROWSER=str(browser)), arguments[0])
    assert opened.read_text() == f"{url}/\n"  # waits for the browser


@pytest.mark.skipif(sys.platform == "win32", reason="Windows finds its browser without PATH")
def test_without_a_browser_the_address_is_said(start: Start, tmp_path: Path) -> None:
    """And the emulator goes on."""
    process = start("emulator", "--ephemeral", "--port", "0", "--open", PATH=str(tmp_path), BROWSER="", DISPLAY="")
    url = _ready(process, "emulator")
    assert process.stderr is not None
    while "no browser could be started" not in (line := process.stderr.readline()):
        assert line
    assert line == f"pubsub emulator: no browser could be started; open {url}/\n"
    assert requests.get(f"{url}/healthz", timeout=30).status_code == 200
