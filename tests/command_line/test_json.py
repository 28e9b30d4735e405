"""Each command with --json: its data parse in success, its error in failure, and its exit code is the documented one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from command_line.conftest import Run
from pubsubclient import Publisher, Subscriber
from pubsubclient.cli.group import NAMES

_SEED = '{"topics": {"NAME": {"retention": "1d"}}, "events": [{"topic": "NAME", "data": 1}]}'

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
    "explain": [("explain NAME NAME", "usage", 2), ("explain nobody-NAME NAME 0-0", "unknown_subscriber", 4)],
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
}  # fmt: skip
_ELSEWHERE = {"console", "emulator", "exec", "token", "worker"}


@pytest.fixture
def prepared(run: Run, name: str, tmp_path: Path) -> str:
    """A topic with three events, and a subscriber that follows it and has a dead letter, under one name."""
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
    (tmp_path / "file").write_text("")
    (tmp_path / "seed.json").write_text(_SEED.replace("NAME", f"{name}.seeded"))
    (tmp_path / "bad.json").write_text('{"topics": []}')
    return name


def _words(line: str, name: str) -> list[str]:
    return line.replace("0-0", f"0000-{0:020d}").replace("NAME", name).split()


def test_each_command_is_tried() -> None:
    """A new one needs a line that succeeds and one that fails."""
    assert _GOOD.keys() == _BAD.keys() == NAMES.keys() - _ELSEWHERE


@pytest.mark.parametrize("command", _GOOD)
@pytest.mark.parametrize(
    "order", [lambda words: [*words, "--json"], lambda words: ["--json", *words]], ids=["after", "before"]
)
def test_data_parse(command: str, order: Callable[[list[str]], list[str]], prepared: str, run: Run) -> None:
    line, count = _GOOD[command]
    done = run(*order(_words(line, prepared)))
    assert (done.code, done.err) == (0, "")
    assert all(isinstance(record, dict) for record in done.records)
    assert count in {None, len(done.records)}


@pytest.mark.parametrize(("line", "code", "exit_code"), [bad for lines in _BAD.values() for bad in lines])
def test_errors_parse(line: str, code: str, exit_code: int, prepared: str, run: Run) -> None:
    done = run(*_words(line, prepared), "--json")
    assert (done.code, done.out, done.error["code"]) == (exit_code, "", code)
    assert len(done.error["detail"]) > 10


@pytest.mark.parametrize(("line", "code", "exit_code"), [bad for lines in _BAD.values() for bad in lines])
def test_errors_are_one_line(line: str, code: str, exit_code: int, prepared: str, run: Run) -> None:
    """That names the command."""
    words = _words(line, prepared)
    done = run(*words, "--quiet")
    assert (done.code, done.out) == (exit_code, "")
    assert done.err.startswith(f"pubsub {words[0]}: ")
    assert done.err.count("\n") == 1
