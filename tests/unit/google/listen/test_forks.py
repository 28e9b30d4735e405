"""Processes that fork, or are stopped, while waits listen."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from unit.google.listen.programs import FORKING, WAITING, Program
from unit.google.listen.server import Listening

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

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


@pytest.mark.parametrize("room", [1, 64])
def test_forks_in_ten_waits_are_quick_and_parent_and_child_go_on(server: Listening, run: Run, room: int) -> None:
    """A fork that waited for the streams would take a minute, and the child could make no calls."""
    patient = "from pubsubservice.storage.firestore import forks; forks.MAX_WAIT_S = 60"
    program = run(FORKING, room=room, forks=2, more=patient)
    for _ in range(2):
        server.await_targets(10)
        program.say()
        took_s, code = program.line().split()
        assert code == "0"
        assert float(took_s) < 30, "it did not wait for a call that lasts"
    server.await_targets(10)
    program.say()
    assert program.line() == "10"
    assert program.end() == 0
    assert {f"children/{fork}" for fork in range(2)} <= server.documents


def test_a_fork_that_ends_no_streams_waits_for_them_in_vain(server: Listening, run: Run) -> None:
    """Without the rule that a fork ends all streams first, the child can make no calls."""
    broken = "from pubsubservice.storage.firestore import forks; forks.MAX_WAIT_S = 0.5; "
    broken += "listen.Listener.interrupt = lambda self: None"
    program = run(FORKING, room=64, forks=1, more=broken)
    server.await_targets(10)
    program.say()
    took_s, code = program.line().split()
    assert code != "0"
    assert float(took_s) >= 0.5
    program.say()
    assert program.line() == "10"


def test_a_process_that_was_stopped_between_two_waits_is_told(server: Listening, run: Run) -> None:
    """It opens a new stream, since the old one may be dead."""
    program = run(WAITING)
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
