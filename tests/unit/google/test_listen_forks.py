"""Processes that fork, or are stopped, while waits listen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from unit.google.fakes import PROJECT
from unit.google.listening import Listening

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

#: forks `forks` times in ten waits; prints how long each fork took and what became of the child, then what the waits returned
_FORKING = """
import os, sys, threading, time
sys.path[:] = {path!r}
from concurrent.futures import ThreadPoolExecutor
from pubsubservice.storage.firestore import listen
from pubsubservice.storage.firestore.store import FirestoreStore
listen.ATTACH_S = 60  # however busy the machine is
store = FirestoreStore({project!r}, emulator={address!r})
store._listener = listen.Listener(store._calls, store._runtime, {room})
pool = ThreadPoolExecutor(10)
waits = [pool.submit(store.wait_for, [f"a/{{n}}"], 60) for n in range(10)]
for fork in range({forks}):
    sys.stdin.readline()
    began = time.monotonic()
    child = os.fork()
    took = time.monotonic() - began
    if not child:
        store.create(f"children/{{fork}}", {{}})
        assert store.wait_for([f"children/{{fork}}"], 60)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(took, code, flush=True)
sys.stdin.readline()
for n in range(10):
    store.create(f"a/{{n}}", {{}})
print([wait.result() for wait in waits].count(True), flush=True)
"""

#: waits for each path that it is given, and prints what the wait returned
_WAITING = """
import sys, time
sys.path[:] = {path!r}
from pubsubservice.storage.firestore import listen
from pubsubservice.storage.firestore.store import FirestoreStore
listen.ATTACH_S = 60  # however busy the machine is
store = FirestoreStore({project!r}, emulator={address!r})
store._listener = listen.Listener(store._calls, store._runtime, 64)
for line in sys.stdin:
    told = store.wait_for([line.strip()], 60)
    print(told, flush=True)
"""


class Program:
    """A Python program that is spoken to line by line."""

    def __init__(self, text: str, **values: object) -> None:
        script = text.format(path=sys.path, project=PROJECT, **values)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, line: str = "") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> int:
        self.process.communicate(timeout=60)
        return self.process.returncode


Run = Callable[..., Program]


@pytest.fixture
def run(server: Listening) -> Iterator[Run]:
    """Starts programs over the server; those that have not ended by then are killed with the test."""
    with ExitStack() as started:

        def start(text: str, **values: object) -> Program:
            program = Program(text, address=server.address, **values)
            started.enter_context(program.process)
            started.callback(program.process.kill)
            return program

        yield start


@pytest.fixture
def server() -> Iterator[Listening]:
    fake = Listening()
    yield fake
    fake.close()


@pytest.mark.parametrize("room", [1, 64])
def test_forks_in_ten_waits_are_quick_and_parent_and_child_go_on(server: Listening, run: Run, room: int) -> None:
    """A fork that waited for the streams would take five seconds, and the child could make no calls."""
    program = run(_FORKING, room=room, forks=2)
    for _ in range(2):
        server.await_targets(10)
        program.say()
        took_s, code = program.line().split()
        assert code == "0"
        assert float(took_s) < 4, "it did not wait for a call that lasts"
    server.await_targets(10)
    program.say()
    assert program.line() == "10"
    assert program.end() == 0
    assert {f"children/{fork}" for fork in range(2)} <= server.documents


def test_a_process_that_was_stopped_between_two_waits_is_told(server: Listening, run: Run) -> None:
    """It opens a new stream, since the old one may be dead."""
    program = run(_WAITING)
    program.say("a/1")
    server.await_targets(1)
    server.create("a/1")
    assert program.line() == "True"
    os.kill(program.process.pid, signal.SIGSTOP)
    time.sleep(1.5)  # longer than a stream may be idle
    os.kill(program.process.pid, signal.SIGCONT)
    program.say("a/2")
    server.await_targets(1)
    server.create("a/2")
    assert program.line() == "True"
    assert len(server.streams) >= 2
    program.say("a/3")
    server.await_targets(1)
    os.kill(program.process.pid, signal.SIGSTOP)
    server.create("a/3")
    os.kill(program.process.pid, signal.SIGCONT)
    assert program.line() == "True"
    assert server.looks == 0, "it was told each time"
    assert program.end() == 0
