"""Threads that connect, disconnect and send at once: nothing raises, nothing is missed, nothing is left.

It runs for some seconds; SIGNALS_TORTURE_S says how many.
"""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any as Untyped

import pytest

from pubsubclient.dispatcher import Any, DispatcherKeyError, Signal, connect, disconnect, send
from pubsubclient.signals._engine.registry import _MAX_PENDING, Registry
from pubsubclient.signals._engine.send import REGISTRY
from signals.clean import assert_clean

SECONDS = float(os.environ.get("SIGNALS_TORTURE_S", "3"))
THREADS = 8


class Sender:
    """Whoever sends."""


class Owner:
    """Has a method, and a finalizer that uses the dispatcher."""

    def method(self, a: int = 0) -> int:
        return a

    def __del__(self) -> None:
        send("finalized", a=1)
        connect(steady, "finalized")


def steady(a: int = 0) -> str:
    return f"steady {a}"


@pytest.fixture
def tiny_switch_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def run_threads(bodies: list[Callable[[], None]]) -> None:
    """Run all, and raise what any of them raised."""
    errors: list[BaseException] = []

    def guarded(body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS + 60)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


@pytest.mark.usefixtures("tiny_switch_interval")
def test_threads_that_connect_disconnect_and_send_miss_nothing() -> None:
    shared = Sender()
    signal: Signal[..., object] = Signal()
    connect(steady, "s")
    connect(steady, "s", shared)
    signal.connect(steady)
    end = time.monotonic() + SECONDS
    counts = [0] * THREADS

    def churn(index: int) -> None:
        dice = random.Random(index)

        def mine(a: int = 0, sender: object = None) -> object:
            return index, a

        while time.monotonic() < end or not counts[index]:  # on a loaded machine, a thread may get its turn late
            counts[index] += 1
            sender = dice.choice([shared, shared, Any, Sender()])
            what = dice.choice(["s", "s", signal, Any])
            connect(mine, what, sender, dice.random() < 0.8)
            via = "s" if what is Any else what
            responses = send(via, sender, a=counts[index])
            # What this thread has connected, it is heard by; what has always been connected, is always heard.
            assert (mine, (index, counts[index])) in responses
            assert (steady, f"steady {counts[index]}") in responses
            assert len({id(receiver) for receiver, _ in responses}) == len(responses)
            disconnect(mine, what, sender)
            assert mine not in [receiver for receiver, _ in send(via, sender, a=1)]
            with pytest.raises(DispatcherKeyError):
                disconnect(mine, what, sender)
            kept: Untyped = Owner()
            connect(kept.method, what, sender)
            if dice.random() < 0.1:
                kept.me = kept
            del kept, sender, responses
            if dice.random() < 0.01:
                gc.collect()

    run_threads([lambda index=index: churn(index) for index in range(THREADS)])  # type: ignore[misc]
    gc.collect()
    disconnect(steady, "s")
    disconnect(steady, "s", shared)
    signal.disconnect(steady)
    disconnect(steady, "finalized")
    assert_clean()


@pytest.mark.usefixtures("tiny_switch_interval")
def test_one_connection_is_ended_by_one_thread_only() -> None:
    for _ in range(50):
        connection = connect(steady, "s")
        won = []

        def end(won: list[int] = won) -> None:
            try:
                disconnect(steady, "s")
                won.append(1)
            except DispatcherKeyError:
                pass

        run_threads([end] * 4)
        assert won == [1]
        assert not connection.connected


@pytest.mark.usefixtures("tiny_switch_interval")
def test_a_receiver_that_is_called_once_is_called_by_one_thread_only() -> None:
    for _ in range(50):
        calls: list[int] = []

        def once(calls: list[int] = calls) -> None:
            calls.append(1)

        connect(once, "s", once=True)
        run_threads([lambda: [send("s") for _ in range(3)] and None] * 4)
        assert calls == [1]


def test_a_lock_held_by_a_finalizer_and_by_a_connecting_thread_cannot_lock_both() -> None:
    """A finalizer that waits for a lock, run while the tables are being changed, must hold nobody up."""
    from pubsubclient.signals._engine import registry as module

    lock = threading.Lock()
    inside, connected = threading.Event(), threading.Event()
    original = module.Registry.forget_routes

    def waits(self: Untyped, table: Untyped, signal: Untyped) -> None:
        if threading.current_thread().name == "folds":
            module.Registry.forget_routes = original  # type: ignore[method-assign]
            inside.set()
            with lock:  # held by the other thread until it has connected
                pass
        original(self, table, signal)

    def folds() -> None:
        connect(steady, "s")

    def other() -> str:
        return "other"

    module.Registry.forget_routes = waits  # type: ignore[method-assign]
    try:
        with lock:
            thread = threading.Thread(target=folds, name="folds")
            thread.start()
            assert inside.wait(10)
            connect(other, "s")
            assert [response for _, response in send("s")] == ["steady 0", "other"]
            connected.set()
        thread.join(10)
        assert not thread.is_alive()
    finally:
        module.Registry.forget_routes = original  # type: ignore[method-assign]
    assert [response for _, response in send("s")] == ["steady 0", "other"]
    disconnect(steady, "s")


@pytest.mark.slow
@pytest.mark.parametrize("threads", [3, 8])
def test_threads_that_change_connections_without_pause_do_not_outrun_the_one_that_folds(threads: int) -> None:
    """The changes that wait are bounded, whoever makes them: a send reads past all of them."""
    signal: Signal[..., object] = Signal()
    longest = [0] * threads

    def churn(index: int) -> None:
        for _ in range(120_000 // threads):

            def mine() -> None: ...

            signal.connect(mine).disconnect()
            longest[index] = max(longest[index], len(REGISTRY.log))

    run_threads([lambda index=index: churn(index) for index in range(threads)])  # type: ignore[misc]
    assert max(longest) <= 10_000
    assert_clean()


def test_a_fold_that_stands_still_stops_no_other_thread() -> None:
    """They wait a moment each, and go on: who folds may be waiting for one of them."""
    original = Registry.forget_routes
    inside, go_on = threading.Event(), threading.Event()

    def waits(self: Untyped, table: Untyped, signal: Untyped) -> None:
        if threading.current_thread().name == "folds":
            Registry.forget_routes = original  # type: ignore[method-assign]
            inside.set()
            go_on.wait(60)
            for _ in range(_MAX_PENDING):  # as a finalizer might: it does not wait for itself
                connect(steady, "mine").disconnect()
        original(self, table, signal)

    Registry.forget_routes = waits  # type: ignore[method-assign]
    try:
        folding = threading.Thread(target=connect, args=(steady, "s"), name="folds")
        folding.start()
        assert inside.wait(10)
        for _ in range(_MAX_PENDING // 2 + 10):
            connect(steady, "t").disconnect()
        with connect(steady, "t"):
            assert [response for _, response in send("t", a=5)] == ["steady 5"]
        assert len(REGISTRY.log) > _MAX_PENDING
        go_on.set()
        folding.join(60)
        assert not folding.is_alive()
    finally:
        Registry.forget_routes = original  # type: ignore[method-assign]
        go_on.set()
    disconnect(steady, "s")
    assert_clean()


FORKED = """
import os, sys, threading
from pubsubclient.dispatcher import connect, disconnect, send
from pubsubclient.signals._engine.send import REGISTRY
from pubsubclient.signals._engine.registry import Registry

original, inside = Registry.forget_routes, threading.Event()

def waits(self, table, signal):
    Registry.forget_routes = original
    inside.set()
    threading.Event().wait()

def early(): return "early"
def late(): return "late"

Registry.forget_routes = waits
threading.Thread(target=connect, args=(early, "s"), daemon=True).start()
inside.wait()
child = os.fork()
if child == 0:
    connect(late, "s")
    ok = [response for _, response in send("s")] == ["early", "late"] and not REGISTRY.log
    disconnect(early, "s")
    os._exit(0 if ok and [response for _, response in send("s")] == ["late"] and not REGISTRY.log else 1)
status = os.waitpid(child, 0)[1]
sys.stdout.flush()
os._exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_child_that_is_forked_in_the_middle_of_a_fold_ends_it() -> None:
    """The thread that was folding is not in the child, its lock is."""
    # Python 3.12 warns of forks beside threads.
    program = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
