"""A fork waits for calls under way; where one hangs, the child says so instead of hanging too."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from unit.google.fakes import FakeFirestore, Reply, committed

FORKING = """
import os, sys, threading
sys.path[:] = {path!r}
from pubsubservice.storage.firestore import forks as firestore_forks
from pubsubservice.storage.firestore.store import FirestoreStore
from pubsubservice.storage.port import Refused
firestore_forks.MAX_WAIT_S = {wait_s}
store = FirestoreStore("demo-unit", emulator={address!r})
thread = threading.Thread(target=store.create, args=("a/parent", {{}}))
thread.start()
while not firestore_forks.calling._active_calls:
    pass
print("calling", flush=True)
child = os.fork()
if not child:
    try:
        store.create("a/child", {{}})
    except Refused as refused:
        print(refused, flush=True)
        os._exit(7)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
thread.join()
store.create("a/after", {{}})
"""


class Forking:
    """A process that forks while one of its threads is in a call."""

    def __init__(self, server: FakeFirestore, wait_s: float) -> None:
        script = FORKING.format(path=sys.path, address=server.address, wait_s=wait_s)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script], stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> int:
        self.process.communicate(timeout=30)
        return self.process.returncode


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


def test_a_fork_waits_for_the_call_and_both_sides_go_on(server: FakeFirestore) -> None:
    answered = threading.Event()
    server.script.extend([Reply([committed(1)], after=answered), Reply([committed(2)]), Reply([committed(3)])])
    forking = Forking(server, wait_s=60.0)
    assert forking.line() == "calling"
    answered.set()
    assert forking.line() == "0"
    assert forking.end() == 0
    written = [request.writes[0].update.name.rpartition("/")[2] for request in server.asked]
    assert written == ["parent", "child", "after"]


def test_a_child_forked_in_a_call_that_hangs_is_refused(server: FakeFirestore) -> None:
    answered = threading.Event()
    server.script.extend([Reply([committed(1)], after=answered), Reply([committed(3)])])
    forking = Forking(server, wait_s=0.1)
    assert forking.line() == "calling"
    assert "forked during a store call" in forking.line()
    assert forking.line() == "7"
    answered.set()
    assert forking.end() == 0
