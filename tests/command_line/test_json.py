"""Each command with --json: its data parse in success, its error in failure, and its exit code is the documented one."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from command_line.conftest import COMMAND, Ran, Run, start
from command_line.faulty import answering, problem
from e2e.serving import Serving, environment
from pubsub_emulator.issuer import make_issuer
from pubsubclient import Publisher, Subscriber
from pubsubclient.cli.group import NAMES

_SEED = '{"topics": {"NAME": {"retention": "1d"}}, "events": [{"topic": "NAME", "data": 1}]}'
_APP = """
import sys
from pubsubclient import App
app = App("NAME")

@app.handler("NAME")
def handle(data):
    sys.stdout.write('{"handled": %d}\\n' % data)
"""
_DATABASE = """
import sqlite3
from pubsubclient.outbox import Outbox

def connect():
    return sqlite3.connect("shop.db", timeout=30)

outbox = Outbox(connect=connect, publisher="shop")
with connect() as connection:
    outbox.create(connection)
"""

#: by command: a command line that succeeds on names of its own, with NAME for the name, and how many records it has
_GOOD: dict[str, tuple[str, int | None]] = {
    "publish": ("publish NAME 17", 1),
    "tail": ("tail NAME", 3),
    "get": ("get NAME", 3),
    "ls": ("ls subscribers NAME", 1),
    "describe": ("describe subscriber NAME", 1),
    "explain": ("explain NAME NAME 0-0", 1),
    "dead": ("dead NAME", 1),
    "cost": ("cost", 1),
    "create": ("create topic NAME", 1),
    "subscribe": ("subscribe NAME NAME --max-attempts 3", 1),
    "unsubscribe": ("unsubscribe NAME NAME", 1),
    "seek": ("seek NAME NAME latest --yes", 1),
    "redrive": ("redrive NAME --reason declined --yes", 1),
    "rm": ("rm subscriber NAME --yes", 1),
    "seed": ("seed seed.json", 1),
    "bench": ("bench --count 20 --batch 10", 1),
    "init": ("init new", 1),
    "doctor": ("doctor", 1),
    "completion": ("completion bash", 1),
    "exec": ("exec -- cat seed.json", 1),
    "token": ("token --email a@example.com --key key.pem", 1),
    "worker": ("worker shop:app --burst --log-level error", 3),
    "relay": ("relay db:outbox --once", 1),
    "asyncapi": ("asyncapi shop:app", 1),
}
#: by command: command lines that fail, with the error's code and the exit code
_BAD: dict[str, list[tuple[str, str, int]]] = {
    "publish": [
        ("publish NAME {", "usage", 2),
        ("publish a..b 1", "usage", 2),
        ("publish NAME 1 --nothing", "usage", 2),
        ("publish NAME 1 --delay 2d", "usage", 2),
        ("publish NAME 1 -s http://127.0.0.1:1 --timeout 0.5", "no_answer", 3),
        ("publish NAME 1 -s nonsense", "config", 2),
    ],
    "tail": [
        ("tail NAME --grep (", "usage", 2),
        ("tail NAME --filter 17", "usage", 2),
        ('tail NAME --filter {"like":1}', "usage", 2),
    ],
    "get": [("get nobody-NAME", "unknown_subscriber", 4), ("get NAME --no-ack -F", "usage", 2)],
    "ls": [("ls cats", "usage", 2), ("ls -s http://127.0.0.1:1 --timeout 0.5", "no_answer", 3)],
    "describe": [("describe topic nothing-NAME", "unknown_topic", 4), ("describe topic", "usage", 2)],
    "explain": [("explain NAME NAME", "usage", 2), ("explain nobody-NAME NAME 0-0", "unknown_subscriber", 4),
                ("explain NAME NAME nothing", "unknown_event", 4), ("explain --all NAME nothing", "unknown_event", 4)],
    "dead": [("dead nobody-NAME", "unknown_subscriber", 4), ("dead NAME --last 0", "usage", 2)],
    "cost": [("cost --since never", "usage", 2)],
    "redrive": [
        ("redrive nobody-NAME", "unknown_subscriber", 4),
        ("redrive NAME", "usage", 2),
        ("redrive NAME --reason (", "usage", 2),
        ("redrive NAME --filter 17 --yes", "usage", 2),
        ('redrive NAME --filter {"like":1} --yes', "usage", 2),
    ],
    "create": [
        ("create topic NAME --partitions 9", "partitions_fixed", 1),
        ("create topic NAME --retention 2d", "settings_differ", 1),
        ("create topic NAME --retention 1s", "invalid_request", 1),
    ],
    "subscribe": [("subscribe NAME", "usage", 2), ("subscribe NAME NAME --max-attempts 0", "usage", 2)],
    "unsubscribe": [
        ("unsubscribe NAME other", "unknown_subscription", 4),
        ("unsubscribe nobody-NAME t", "unknown_subscriber", 4),
    ],
    "seek": [
        ("seek NAME NAME latest", "usage", 2),
        ("seek NAME other latest --yes", "unknown_subscription", 4),
        ("seek NAME NAME nowhere --yes", "usage", 2),
    ],
    "rm": [
        ("rm subscriber nobody-NAME --yes", "unknown_subscriber", 4),
        ("rm publisher nobody-NAME --yes", "unknown_publisher", 4),
        ("rm subscriber NAME", "usage", 2),
        ("rm topic NAME", "usage", 2),
    ],
    "seed": [("seed nothing.yaml", "usage", 2), ("seed bad.json", "config", 2)],
    "bench": [("bench --count 0", "usage", 2), ("bench -s https://pubsub.invalid", "usage", 2)],
    "init": [("init file/below", "usage", 2)],
    "doctor": [("doctor --nothing", "usage", 2)],
    "completion": [("completion cmd", "usage", 2)],
    "emulator": [
        ("emulator --port 99999", "usage", 2),
        ("emulator --admin a@example.com", "usage", 2),
        ("emulator --data-dir file/below", "config", 2),
    ],
    "exec": [
        ("exec", "usage", 2),
        ("exec --firestore nothing -- true", "config", 125),
        ("exec -- ./file", "usage", 126),
        ("exec -- nothing-of-this-name", "usage", 127),
    ],
    "token": [("token", "usage", 2), ("token --email a@example.com --key nothing.pem", "config", 2)],
    "console": [("console --nothing", "usage", 2), ("console -s nonsense", "config", 2)],
    "asyncapi": [
        ("asyncapi nothing:app", "config", 2),
        ("asyncapi db:outbox", "config", 2),
        ("asyncapi shop:app --output file/below", "usage", 2),
        ("asyncapi shop:app -s nonsense", "config", 2),
    ],
    "relay": [
        ("relay nothing:outbox", "config", 2),
        ("relay shop:app", "config", 2),
        ("relay db:outbox --once --failed", "usage", 2),
    ],
    "worker": [("worker", "usage", 2), ("worker nothing:app", "config", 2), ("worker shop:app --concurrency 0", "usage", 2)],
}  # fmt: skip
#: commands that serve until a signal, and so have no data but where they serve
_SERVERS = {"emulator": ("--ephemeral", "--port", "0"), "console": ("--port", "0")}
_BAD_LINES = [bad for lines in _BAD.values() for bad in lines]
#: commands that catch signals, which must not be done to the tests' process
_APART = {"emulator", "exec", "worker", "console", "relay", "asyncapi"}
#: commands that ask no service
_LOCAL = {"init", "doctor", "completion", "emulator", "exec", "token", "worker", "console", "relay", "asyncapi"}


@pytest.fixture
def files(name: str, tmp_path: Path) -> str:
    """The files that the command lines name, made for a name."""
    (tmp_path / "file").write_text("")
    (tmp_path / "seed.json").write_text(_SEED.replace("NAME", f"{name}.seeded"))
    (tmp_path / "bad.json").write_text('{"topics": []}')
    (tmp_path / "shop.py").write_text(_APP.replace("NAME", name))
    (tmp_path / "db.py").write_text(_DATABASE)
    make_issuer(tmp_path / "key.pem")
    return name


@pytest.fixture
def prepared(run: Run, files: str) -> str:
    """A topic with three events, and a subscriber that follows it and has a dead letter, under one name."""
    name = files
    Publisher(name).publish(name, 1)
    subscriber = Subscriber(name)
    subscriber.subscribe(name)
    for number in (2, 3):
        Publisher(name).publish(name, number, type="order.placed")
    with Subscriber(name) as subscriber:
        subscriber.subscribe(f"{name}.failing")
        Publisher(name).publish(f"{name}.failing", 4)
        subscriber.get_events()[-1].nack(reason="declined", dead=True)
        subscriber.get_events(0)
        subscriber.unsubscribe(f"{name}.failing")
        subscriber.seek(name, "earliest")
    return name


@pytest.fixture
def try_line(run: Run, shared: Serving, tmp_path: Path) -> Run:
    """Runs a command line in this process, or in one of its own."""

    def try_line(*words: str) -> Ran:
        if not _APART.intersection(words):
            return run(*words)
        done = subprocess.run(
            [*COMMAND, *words], cwd=tmp_path, env=environment(PUBLISH_SUBSCRIBE_SERVICE=shared.url), check=False,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    return try_line


def _words(line: str, name: str) -> list[str]:
    return line.replace("0-0", f"0000-{0:020d}").replace("NAME", name).split()


def test_each_command_is_tried() -> None:
    """A new one needs a line that succeeds, or is a server, and one that fails."""
    assert _GOOD.keys() | _SERVERS.keys() == _BAD.keys() == NAMES.keys()


@pytest.mark.parametrize("command", _GOOD)
@pytest.mark.parametrize(
    "order",
    [lambda words: [words[0], "--json", *words[1:]], lambda words: ["--json", *words]],
    ids=["after", "before"],
)
def test_data_parse(command: str, order: Callable[[list[str]], list[str]], prepared: str, try_line: Run) -> None:
    line, count = _GOOD[command]
    done = try_line(*order(_words(line, prepared)))
    assert (done.code, done.err) == (0, "")
    assert all(isinstance(record, dict) for record in done.records)
    assert count in {None, len(done.records)}


@pytest.mark.parametrize("command", _SERVERS)
def test_a_server_says_where_it_serves(command: str, shared: Serving, tmp_path: Path) -> None:
    """In one object on stdout; notes are lines of JSON on stderr."""
    process = start([command, "--json", *_SERVERS[command]], shared.url, cwd=tmp_path)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert all(isinstance(json.loads(line), dict) for line in err.splitlines())


@pytest.mark.parametrize(("line", "code", "exit_code"), _BAD_LINES)
def test_errors_parse(line: str, code: str, exit_code: int, prepared: str, try_line: Run) -> None:
    words = _words(line, prepared)
    done = try_line(words[0], "--json", *words[1:])
    assert (done.code, done.out, done.error["code"]) == (exit_code, "", code)
    assert len(done.error["detail"]) > 10


@pytest.mark.parametrize(("line", "code", "exit_code"), _BAD_LINES)
def test_errors_are_one_line(line: str, code: str, exit_code: int, prepared: str, try_line: Run) -> None:
    """That names the command."""
    words = _words(line, prepared)
    done = try_line(words[0], "--quiet", *words[1:])
    assert (done.code, done.out) == (exit_code, "")
    assert done.err.startswith(f"pubsub {words[0]}: ")
    assert done.err.count("\n") == 1


@pytest.fixture(
    scope="module", params=[(401, 5), (403, 5), (404, 4), (409, 1), (503, 3)], ids=lambda each: str(each[0])
)
def refusing(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A service that answers every request with the same problem, and the exit code that it stands for."""
    status, exit_code = request.param
    with answering(problem(status, "refused_here"), status) as url:
        yield url, exit_code


@pytest.mark.parametrize("command", [name for name in _GOOD if name not in _LOCAL])
def test_exit_codes_say_what_the_service_said(command: str, refusing: tuple[str, int], files: str, run: Run) -> None:
    url, exit_code = refusing
    codes = {"refused_here", "no_answer"}
    if command == "cost" and exit_code == 4:  # only an emulator has a meter
        exit_code, codes = 1, {"no_meter"}
    # only what is tried again waits for the timeout
    timeout = "0.5" if exit_code == 3 else "60"
    done = run(*_words(_GOOD[command][0], files), "--json", "--service", url, "--timeout", timeout)
    assert (done.code, done.out) == (exit_code, "")
    assert done.error["code"] in codes
