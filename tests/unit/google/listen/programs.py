"""Programs that wait over a Firestore, and are spoken to line by line."""

from __future__ import annotations

import subprocess
import sys

from unit.google.fakes import PROJECT

__all__ = ["CROWDED", "FORKING", "WAITING", "Program"]

#: has `waits` waits; prints how many threads it has beyond one for each, then how many waits were told
CROWDED = """
import sys, threading
sys.path[:] = {path!r}
from concurrent.futures import ThreadPoolExecutor
from pubsubservice.storage.firestore import listen
from pubsubservice.storage.firestore.store import WAITS_A_STREAM, FirestoreStore
listen.ATTACH_S = 60  # however busy the machine is
store = FirestoreStore({project!r}, emulator={address!r})
store._listener = listen.Listener(store._calls, store._runtime, WAITS_A_STREAM)
pool = ThreadPoolExecutor({waits})
before = threading.active_count()
waits = [pool.submit(store.wait_for, [f"a/{{n}}"], 60) for n in range({waits})]
sys.stdin.readline()
print(threading.active_count() - before - {waits}, flush=True)
print([wait.result() for wait in waits].count(True), flush=True)
"""

#: does `more`, then forks `forks` times in ten waits; prints how long each fork took and what became of the child, then how
#: many waits were told
FORKING = """
import os, sys, threading, time
sys.path[:] = {path!r}
from concurrent.futures import ThreadPoolExecutor
from pubsubservice.storage.firestore import listen
from pubsubservice.storage.firestore.store import FirestoreStore
listen.ATTACH_S = 60  # however busy the machine is
{more}
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
WAITING = """
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
