"""``python -m pubsubclient.worker``: what it runs, what it refuses, and what signals do."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.serving import Serving
from pubsubclient import Publisher, Service, Subscriber
from worker.commands import Command, children, is_running, kill

Run = Callable[..., Command]

_SHOP = """
import os, sys, threading, time
from pubsubclient import App
app = App({name!r})

@app.handler({name!r}, backoff=0)
def handle(number: int) -> None:
    print("handled", number, flush=True)
"""


@pytest.fixture
def run(serving: Serving, tmp_path: Path) -> Iterator[Run]:
    """Starts the command in the test's directory."""
    commands: list[Command] = []

    def run(*arguments: str, url: str = serving.url) -> Command:
        commands.append(Command(url, tmp_path, *arguments))
        return commands[-1]

    yield run
    for command in commands:
        command.close()


def test_it_runs_an_app_until_a_signal(run: Run, program: Callable[[str], Path], service: Service, name: str) -> None:
    program(_SHOP.format(name=name))
    command = run("shop:app", "--concurrency", "2")
    command.await_that(lambda: "started" in command.log)
    Publisher("shop", service=service).publish(name, 17)
    command.await_that(lambda: "handled 17" in command.out)
    command.signal(signal.SIGINT)
    assert command.wait() == 0
    assert "Traceback" not in command.log


def test_burst_ends_when_nothing_is_left(run: Run, program: Callable[[str], Path], service: Service, name: str) -> None:
    """What comes of a retry counts, what is due later does not."""
    program(
        f"import sys\nfrom pubsubclient import App, Retry, ReceivedEvent\napp = App({name!r})\n"
        f"@app.handler({name!r}, max_attempts=9)\n"
        "def handle(number: int, event: ReceivedEvent) -> None:\n"
        "    sys.stdout.write(f'run {number} {event.attempt}\\n')\n"
        "    if number == 1 and event.attempt < 3: raise Retry(delay=0)\n"
        "    if number == 2: raise Retry(delay=3600)\n"
        f"    if number == 0: app.publish('{name}.more', number)\n"
        f"@app.handler('{name}.more', subscriber='{name}.other')\n"
        "def more(number: int) -> None: sys.stdout.write(f'more {number}\\n')\n"
    )
    with Subscriber(name, service=service) as subscriber:
        subscriber.subscribe(name)
    Publisher("shop", service=service).publish(name, 0)
    Publisher("shop", service=service).publish(name, 1)
    Publisher("shop", service=service).publish(name, 2)
    command = run("shop:app", "--burst")
    assert command.wait() == 0, command.log
    assert sorted(command.out.split("\n")) == ["", "more 0", "run 0 1", "run 1 1", "run 1 2", "run 1 3", "run 2 1"]


@pytest.mark.parametrize(
    ("text", "arguments", "says"),
    [
        ("", ["nothing:app"], "there is no module 'nothing'"),
        ("import nosuchpackage", ["shop:app"], "No module named 'nosuchpackage' (shop.py, line 1)"),
        ("x =", ["shop:app"], "SyntaxError: invalid syntax (shop.py, line 1)"),
        ("x = 1", ["shop:app"], "module 'shop' has no 'app'"),
        ("app = 1", ["shop:app"], "expected an App"),
        ("from pubsubclient import App\napp = App('x')", ["shop:app"], "no handlers"),
        ("", ["shop/app"], 'expected "module:app"'),
        (_SHOP.format(name="x"), ["shop:app", "--concurrency", "0"], "concurrency: expected 1 to 1000"),
        (_SHOP.format(name="x"), ["shop:app", "--health", "x"], "health: expected a port"),
        (_SHOP.format(name="x"), ["shop:app", "--processes", "0"], "processes"),
        (_SHOP.format(name="x"), ["shop:app", "--processes", "2", "--health", "8080"], "health"),
        (
            _SHOP.format(name="x") + "\n@app.handler('x')\ndef again(number: int) -> None: ...\n",
            ["shop:app"],
            "already",
        ),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    run: Run, program: Callable[[str], Path], text: str, arguments: list[str], says: str
) -> None:
    """And nothing was fetched."""
    program(text)
    command = run(*arguments)
    status = command.wait()
    assert says in command.log
    assert (status, command.log.count("\n")) == (2, 1), command.log


def test_what_a_module_raises_is_shown_with_its_traceback(run: Run, program: Callable[[str], Path]) -> None:
    program("def load():\n    raise OSError('no settings')\nload()")
    command = run("shop:app")
    assert command.wait() == 2
    assert "in load" in command.log
    assert command.log.endswith("shop:app cannot be imported: OSError: no settings (shop.py, line 2).\n")


def test_without_a_service_it_says_how_to_name_one(program: Callable[[str], Path], run: Run) -> None:
    program(_SHOP.format(name="x"))
    command = run("shop:app", url="")
    assert command.wait() == 2
    assert "No service is named" in command.log
    assert command.log.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGUSR1")
def test_sigusr1_tells_what_each_handler_is_doing(
    run: Run, program: Callable[[str], Path], service: Service, name: str
) -> None:
    program(
        _SHOP.format(name=name)
        + "    if number: threading.Event().wait(1)\n    while number: time.sleep(0.05)\n"
        + f"@app.handler('{name}.async')\nasync def ahandle(number: int) -> None:\n"
        "    import asyncio\n    print('handled async', flush=True)\n    await asyncio.sleep(600)\n"
    )
    command = run("shop:app", "--drain-timeout", "0")
    command.await_that(lambda: "started" in command.log)
    Publisher("shop", service=service).publish(name, 1)
    Publisher("shop", service=service).publish(f"{name}.async", 1)
    command.await_that(lambda: "handled 1" in command.out and "handled async" in command.out)
    command.signal(signal.SIGUSR1)
    command.await_that(lambda: command.log.count("runs for") == 2)
    assert "shop.handle with event" in command.log
    assert "in handle" in command.log
    assert "in ahandle" in command.log
    command.signal(signal.SIGTERM)
    assert command.wait() == 1
    assert command.log.count("the drain timeout is over") == 2


@pytest.mark.slow
def test_of_four_processes_one_that_is_killed_starts_again(
    run: Run, program: Callable[[str], Path], service: Service, name: str
) -> None:
    program(_SHOP.format(name=name) + "    print('by', os.getpid(), flush=True)\n")
    command = run("shop:app", "--processes", "4")
    command.await_that(lambda: command.log.count("Worker of") == 4)
    before = children(command.process.pid)
    assert len(before) == 4
    kill(before[0])
    command.await_that(lambda: "died with signal 9" in command.log)
    command.await_that(lambda: command.log.count("Worker of") == 5)
    publisher = Publisher("shop", service=service)
    publisher.publish(name, 1)
    command.await_that(lambda: "handled 1" in command.out)
    after = children(command.process.pid)
    assert len(after) == 4
    assert before[0] not in after
    command.signal(signal.SIGTERM)
    assert command.wait() == 0, command.log
    assert not any(map(is_running, [*before, *after]))


@pytest.mark.slow
def test_processes_end_when_the_one_that_started_them_is_killed(
    run: Run, program: Callable[[str], Path], name: str
) -> None:
    program(_SHOP.format(name=name))
    command = run("shop:app", "--processes", "2")
    command.await_that(lambda: command.log.count("Worker of") == 2)
    started = children(command.process.pid)
    command.process.kill()
    command.process.wait()
    import time

    give_up = time.monotonic() + 60
    while any(map(is_running, started)):
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_what_does_not_start_ends_all_with_its_status(run: Run, program: Callable[[str], Path]) -> None:
    program("app = 1")
    command = run("shop:app", "--processes", "2")
    assert command.wait() == 2


@pytest.mark.slow
def test_a_change_of_a_file_starts_it_again(
    run: Run, program: Callable[[str], Path], service: Service, name: str
) -> None:
    path = program(_SHOP.format(name=name))
    command = run("shop:app", "--reload")
    command.await_that(lambda: command.log.count("Worker of") == 1)
    path.write_text(_SHOP.format(name=name).replace('"handled"', '"again"'))
    command.await_that(lambda: command.log.count("Worker of") == 2)
    Publisher("shop", service=service).publish(name, 5)
    command.await_that(lambda: "again 5" in command.out)
    path.write_text("syntax error")
    command.await_that(lambda: "it starts again when a file changes" in command.log)
    path.write_text(_SHOP.format(name=name))
    command.await_that(lambda: command.log.count("Worker of") == 3)
    command.signal(signal.SIGTERM)
    assert command.wait() == 0, command.log
