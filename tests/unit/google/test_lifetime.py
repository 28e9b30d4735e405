"""Google's emulator ends with its owner, however that ends, and says why it did not start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pubsub_emulator.google_firestore import process as google
from pubsub_emulator.google_firestore.install import NotInstalled, find_jar, find_java
from pubsub_emulator.google_firestore.process import StartError, start_emulator
from pubsubservice.storage.firestore.store import FirestoreStore
from unit.google.machines import SERVES, await_true, gone, put_jar, put_program, put_python_java

OWNER = """
import sys
sys.path[:] = {path!r}
from pubsub_emulator.google_firestore.process import start_emulator
with start_emulator() as address:
    print(address, flush=True)
    sys.stdin.readline()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVES


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A JAVA_HOME to be filled, and a jar to be found."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_ROOT_DIR", str(tmp_path / "sdk"))
    put_jar(tmp_path / "sdk")
    return tmp_path


class Owner:
    """A process of its own that runs an emulator until its standard input says something."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def await_ready(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def owner(home: Path) -> Iterator[Owner]:
    put_python_java(home, SERVES)
    process = Owner()
    yield process
    process.close()


def read_pid(file: Path) -> int:
    await_true(file.exists)
    return int(file.read_text())


def test_it_answers_and_ends_with_the_block(home: Path) -> None:
    pid = put_python_java(home, SERVES)
    with start_emulator() as address:
        assert google._responds(int(address.rpartition(":")[2]))
        assert not gone(read_pid(pid))
    await_true(lambda: gone(read_pid(pid)))


def test_it_ends_with_an_exception(home: Path) -> None:
    pid = put_python_java(home, SERVES)
    with pytest.raises(KeyError), start_emulator():
        raise KeyError
    await_true(lambda: gone(read_pid(pid)))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_its_owner_is_killed(owner: Owner, home: Path, number: signal.Signals) -> None:
    assert owner.await_ready().startswith("127.0.0.1:")
    pid = read_pid(home / "pid")
    owner.process.send_signal(number)
    await_true(lambda: gone(pid))


def test_it_ends_when_its_owner_is_killed_before_it_is_ready(home: Path) -> None:
    pid = put_python_java(home, "import signal; signal.pause()")
    owner = Owner()
    java = read_pid(pid)
    owner.close()
    await_true(lambda: gone(java))


def test_one_that_will_not_end_is_killed_after_a_grace(home: Path) -> None:
    pid = put_python_java(home, STUBBORN)
    with start_emulator():
        java = read_pid(pid)
    await_true(lambda: gone(java))  # a process that is sent SIGKILL ends when it is next scheduled


def test_it_does_not_outlive_a_killed_watchdog(home: Path) -> None:
    pid = put_python_java(home, SERVES)
    with start_emulator():
        java = read_pid(pid)
        # the watchdog leads the group
        os.kill(os.getpgid(java), signal.SIGKILL)
        assert not gone(java)
    await_true(lambda: gone(java))


def test_a_forked_child_of_the_owner_neither_ends_it_nor_keeps_it(home: Path) -> None:
    pid = put_python_java(home, SERVES)
    script = OWNER.format(path=sys.path).replace(
        "    print",
        "    import os, time\n    if not os.fork():\n        os.close(1); os.read(0, 1); os._exit(0)\n    print",
    )
    reading, writing = os.pipe()
    with subprocess.Popen([sys.executable, "-c", script], stdin=reading, stdout=subprocess.PIPE, text=True) as owner:
        os.close(reading)
        assert owner.stdout is not None
        owner.stdout.readline()
        java = read_pid(pid)
        owner.kill()
    await_true(lambda: gone(java))
    os.close(writing)  # the child, alive until now, ends


def test_a_terminals_interrupt_does_not_reach_it(owner: Owner, home: Path) -> None:
    owner.await_ready()
    java = read_pid(home / "pid")
    assert os.getpgid(java) != os.getpgid(owner.process.pid)
    assert os.getsid(java) != os.getsid(owner.process.pid)


def test_why_it_did_not_start_is_said(home: Path) -> None:
    put_program(
        home / "bin" / "java",
        '[ "$1" = -version ] && { echo \'openjdk version "17"\' >&2; exit; }\n'
        "echo 'Error: this needs class file version 65.0' >&2; exit 3",
    )
    said = r"ended at its start: Error: this needs class file version 65\.0$"
    with pytest.raises(StartError, match=said), start_emulator():
        pass


def test_one_that_never_answers_is_given_up_and_ended(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google, "READY_TIMEOUT_S", 0.5)
    pid = put_python_java(home, "import signal; print('thinking', flush=True); signal.pause()")
    with pytest.raises(StartError, match=r"did not respond within .* s: thinking$"), start_emulator():
        pass
    await_true(lambda: gone(read_pid(pid)))


def test_the_real_one_does_not_outlive_a_killed_owner(
    google_emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Google's own jar and Java, which leaves its process id in a file."""
    try:
        java, _ = find_java(), find_jar()
    except NotInstalled as absent:
        pytest.skip(f"{google_emulator} is not ours: {absent}")
    pid = tmp_path / "pid"
    put_program(tmp_path / "bin" / "java", f'echo $$ > "{pid}.part"; mv "{pid}.part" "{pid}"; exec "{java}" "$@"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    owner = Owner()
    address = owner.await_ready()
    store = FirestoreStore("demo-killed", emulator=address)
    store.create("a/b", {})
    store.close()
    owner.close()
    await_true(lambda: gone(int(pid.read_text())))
