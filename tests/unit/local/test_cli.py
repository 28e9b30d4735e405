"""The command as a developer runs it: a real process, its ready line, its errors, its end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from pubsub_emulator.sqlite.store import FORMAT, SQLiteStore
from pubsubservice import __version__

COMMAND = [sys.executable, "-m", "pubsub_emulator"]


class Running:
    """An emulator in a process of its own, ready to be asked."""

    def __init__(self, *flags: str, cwd: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "emulator", "--port", "0", *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=_environment(**environment),
        )  # fmt: skip
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline()
        found = re.fullmatch(r"pubsub emulator ready: http://(.+):(\d+)\n", self.ready_line)
        if found is None:
            self.process.kill()
            raise AssertionError(self.process.communicate())
        self.host, self.port = found[1], int(found[2])

    def ask(self, path: str, body: object = None, host: str = "localhost") -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Host": host, "Content-Type": "application/json"}
        connection.request("GET" if body is None else "POST", path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        parsed = json.loads(answer.read())
        connection.close()
        return answer.status, parsed

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit code, the rest of stdout, and stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Start(Protocol):
    """Start an emulator with these flags and variables; it ends with the test at the latest."""

    def __call__(self, *flags: str, **environment: str) -> Running: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def start_one(*flags: str, **environment: str) -> Running:
        started.append(Running(*flags, cwd=tmp_path, **environment))
        return started[-1]

    yield start_one
    for running in started:
        running.close()


@pytest.fixture
def emulator(start: Start, tmp_path: Path) -> Running:
    return start("--data-dir", str(tmp_path / "data"))


def refused(cwd: Path, *arguments: str, **environment: str) -> str:
    """Run what cannot start and return its one line."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=_environment(**environment),
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def _environment(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "FIRESTORE_EMULATOR_HOST"}
    return {**inherited, "PYTHONPATH": os.pathsep.join(sys.path), **more}


def test_the_version_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--version"], capture_output=True, text=True, env=_environment(), check=True, timeout=60
    )
    assert done.stdout == f"pubsub {__version__}\n"


def test_it_serves_on_a_free_port_and_ends_with_zero(emulator: Running) -> None:
    assert emulator.host == "127.0.0.1"
    assert emulator.port > 0
    assert emulator.ask("/healthz") == (200, {"status": "ok", "version": __version__})
    functions = emulator.ask("/")[1]["functions"]
    assert isinstance(functions, dict)
    assert {"register", "publish", "subscribe", "get_events", "expire"} == functions.keys()
    assert emulator.ask("/register", {"subscriber": "billing"})[0] == 201
    code, out, err = emulator.end(signal.SIGTERM)
    assert (code, out) == (0, "")
    assert "Traceback" not in err


def test_ctrl_c_ends_it_as_well(emulator: Running) -> None:
    code, _, err = emulator.end(signal.SIGINT)
    assert code == 0
    assert "Traceback" not in err


def test_what_was_stored_is_there_the_next_time(start: Start, tmp_path: Path) -> None:
    """By default in .pubsub of the working directory, which git does not see."""
    first = start()
    assert first.ask("/register", {"subscriber": "billing"})[0] == 201
    first.close()  # killed
    second = start()
    assert second.ask("/register", {"subscriber": "billing"})[0] == 200
    assert ".pubsub" in second.end()[2]
    assert (tmp_path / ".pubsub" / "pubsub.sqlite3").exists()
    assert (tmp_path / ".pubsub" / ".gitignore").read_text() == "*\n"


def test_two_may_share_a_data_directory(start: Start, tmp_path: Path, emulator: Running) -> None:
    other = start("--data-dir", str(tmp_path / "data"))
    assert emulator.ask("/register", {"subscriber": "billing"})[0] == 201
    assert other.ask("/register", {"subscriber": "billing"})[0] == 200
    assert other.end()[0] == 0


def test_an_ephemeral_one_leaves_nothing(start: Start, tmp_path: Path) -> None:
    running = start("--ephemeral", TMPDIR=str(tmp_path))
    assert running.ask("/register", {"subscriber": "billing"})[0] == 201
    assert list(tmp_path.glob("pubsub-ephemeral-*/store-*/pubsub.sqlite3"))
    assert running.end()[0] == 0
    assert not list(tmp_path.glob("pubsub-ephemeral-*/store-*"))
    assert not (tmp_path / ".pubsub").exists()


def answer_at_the_end(emulator: Running) -> tuple[int, list[object]]:
    """End an emulator with a long poll under way; return the status and the events of its answer."""
    emulator.ask("/register", {"subscriber": "billing"})
    emulator.ask("/subscribe", {"subscriber": "billing", "topic": "orders"})
    poll = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=60)
    body = json.dumps({"subscriber": "billing", "wait_s": 20})
    poll.request("POST", "/get_events", body, {"Content-Type": "application/json"})
    emulator.process.send_signal(signal.SIGTERM)  # the request is sent, whether or not it has been looked at
    answer = poll.getresponse()
    events = json.loads(answer.read()).get("events")
    poll.close()
    _, err = emulator.process.communicate(timeout=30)
    assert emulator.process.returncode == 0
    assert "Traceback" not in err
    return answer.status, events


def test_a_long_poll_under_way_is_answered_at_the_end(emulator: Running) -> None:
    """Cut short and empty, with a 200: to the subscriber it is a poll like any other."""
    assert answer_at_the_end(emulator) == (200, [])


def test_a_long_poll_over_firestore_is_answered_at_the_end(start: Start, google_emulator: str) -> None:
    """Its reads still have their time."""
    project = f"poll-{os.getpid()}"
    emulator = start("--firestore", google_emulator, GOOGLE_CLOUD_PROJECT=project)
    assert answer_at_the_end(emulator) == (200, [])


def test_a_second_signal_ends_it_at_once(emulator: Running) -> None:
    with socket.create_connection(("127.0.0.1", emulator.port), 20) as never_done:
        never_done.sendall(b"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx")
        emulator.process.send_signal(signal.SIGTERM)
        while _accepts(emulator.port):
            pass
        assert emulator.process.poll() is None
        assert emulator.end(signal.SIGTERM)[0] == -signal.SIGTERM


def test_a_host_that_was_not_allowed_is_refused(start: Start, tmp_path: Path) -> None:
    running = start("--ephemeral", "--allow-host", "pubsub.test", "--allow-host", "other.test")
    assert [running.ask("/healthz", host=host)[0] for host in ("pubsub.test", "other.test:80")] == [200, 200]
    status, problem = running.ask("/healthz", host="evil.example")
    assert (status, problem["code"]) == (421, "host_not_allowed")
    running.end()


def test_listening_for_everyone_is_warned_of(start: Start, tmp_path: Path) -> None:
    running = start("--ephemeral", "--host", "0.0.0.0")
    assert running.host == "0.0.0.0"
    assert [running.ask("/healthz", host=host)[0] for host in ("0.0.0.0", "10.1.2.3", "evil.example")] == [
        200,
        200,
        421,
    ]
    assert "requests are not authenticated" in running.end()[2]


def test_requests_are_logged_when_asked_for_and_refusals_always(start: Start, tmp_path: Path) -> None:
    for flags, logged in (((), ["register 400"]), (("--log-requests",), ["register 201", "register 400"])):
        running = start("--ephemeral", *flags)
        running.ask("/register", {"subscriber": "billing"})
        running.ask("/register", {"subscriber": ""})
        lines = [json.loads(line) for line in running.end()[2].splitlines() if line.startswith("{")]
        assert [line["message"] for line in lines] == logged


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(tmp_path, "emulator", "--ephemeral", "--port", str(port))
    assert f"cannot listen on 127.0.0.1 port {port}" in line


def test_a_data_directory_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "data directory" in refused(tmp_path, "emulator", "--data-dir", "file")
    assert "data directory" in refused(tmp_path, "emulator", "--data-dir", "file/below")


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="nothing is unwritable to root")
def test_an_unwritable_data_directory_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    assert "cannot use" in refused(tmp_path, "emulator", "--data-dir", "data")


def test_a_data_directory_of_a_newer_format_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "pubsub.sqlite3"
    SQLiteStore(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE meta SET format = {FORMAT + 1}")
    connection.commit()
    connection.close()
    assert "upgrade pubsubclient" in refused(tmp_path, "emulator", "--data-dir", ".")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--prot", "1"], "No such option '--prot'"),
        (["--port", "70000"], "70000 is not in the range 0<=x<=65535"),
        (["--port", "x"], "'x' is not a valid integer range"),
        (["--expire-every", "x"], "expected 0 to 86400 seconds"),
        (["--expire-every", "-1"], "expected 0 to 86400 seconds"),
        (["--expire-every", "nan"], "expected 0 to 86400 seconds"),
        (["--ephemeral", "--data-dir", "d"], "not allowed with"),
        (["--ephemeral", "--firestore", "google"], "not allowed with"),
        (["--ephemeral", "--port", "0", "--host", "no.such.host.invalid"], "unknown host no.such.host.invalid"),
        (["--firestore", "nonsense"], "google or HOST:PORT"),
        (["--firestore", "127.0.0.1:1"], "no Firestore emulator responds at 127.0.0.1:1"),
    ],
)
def test_a_bad_flag_is_one_line(tmp_path: Path, flags: list[str], said: str) -> None:
    assert said in refused(tmp_path, "emulator", *flags)


def test_a_bad_command_is_one_line(tmp_path: Path) -> None:
    assert "No such command 'emulate'" in refused(tmp_path, "emulate")


def test_the_environment_names_a_firestore_emulator_unless_a_flag_says_otherwise(start: Start, tmp_path: Path) -> None:
    line = refused(tmp_path, "emulator", "--port", "0", FIRESTORE_EMULATOR_HOST="127.0.0.1:1")
    assert "no Firestore emulator responds at 127.0.0.1:1" in line
    running = start("--ephemeral", FIRESTORE_EMULATOR_HOST="127.0.0.1:1")
    assert running.ask("/register", {"subscriber": "billing"})[0] == 201
    running.end()


def test_it_serves_over_a_running_firestore_emulator(start: Start, tmp_path: Path, google_emulator: str) -> None:
    project = f"cli-{os.getpid()}"
    running = start(FIRESTORE_EMULATOR_HOST=google_emulator, GOOGLE_CLOUD_PROJECT=project)
    assert running.ask("/register", {"subscriber": "billing"})[0] == 201
    code, _, err = running.end()
    assert code == 0
    assert google_emulator in err
    again = start("--firestore", google_emulator, GOOGLE_CLOUD_PROJECT=project)
    assert again.ask("/register", {"subscriber": "billing"})[0] == 200
    again.end()
    assert not (tmp_path / ".pubsub").exists()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
