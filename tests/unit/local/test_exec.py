"""`pubsub exec` as a developer runs it: a real process around a real command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EXEC = [sys.executable, "-m", "pubsub_emulator", "exec"]

#: publishes and receives by what the environment says, and prints it
SHOP = """
from pubsubclient import Publisher, Subscriber
with Subscriber("billing") as billing:
    billing.subscribe("orders")
    Publisher("shop").publish("orders", {"number": 17})
    print([event.data for event in billing.get_events()])
"""
#: says when it runs, and which signal came
CATCHES = """
import signal, sys, time
came = []  # no Event: its lock may be taken by the wait that the handler interrupts
def catch(number, frame):
    print(signal.Signals(number).name, flush=True)
    came.append(number)
for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"):
    signal.signal(getattr(signal, name), catch)
print("running", flush=True)
give_up = time.monotonic() + 60
while not came and time.monotonic() < give_up:
    time.sleep(0.01)
sys.exit(9)
"""


def run(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EXEC, *arguments], capture_output=True, text=True, cwd=tmp_path, env=_environment(tmp_path, **environment),
        timeout=60, check=False,
    )  # fmt: skip


def _environment(tmp_path: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PUBLISH_SUBSCRIBE_SERVICE"}
    return {**inherited, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path), **more}


@pytest.fixture
def catching(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that tells which signal it got; it runs."""
    process = subprocess.Popen(
        [*EXEC, "--", sys.executable, "-c", CATCHES], stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        env=_environment(tmp_path), start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_the_command_finds_an_emulator_and_leaves_nothing(tmp_path: Path) -> None:
    """Stdout is the command's alone."""
    done = run(tmp_path, "--", sys.executable, "-c", SHOP)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[{'number': 17}]\n", "")
    assert not list(tmp_path.glob("pubsub-ephemeral-*/store-*"))
    assert not (tmp_path / ".pubsub").exists()


def test_each_emulator_is_the_command_s_own(tmp_path: Path) -> None:
    """One within another, and whatever service or Firestore emulator the environment names."""
    nested = [sys.executable, "-c", SHOP + "import os; print(os.environ['PUBLISH_SUBSCRIBE_SERVICE'])"]
    elsewhere = "http://127.0.0.1:1"
    environment = {"PUBLISH_SUBSCRIBE_SERVICE": elsewhere, "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}
    done = run(tmp_path, "--", *EXEC, "--", *nested, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    data, url = done.stdout.splitlines()
    assert data == "[{'number': 17}]"
    assert url.startswith("http://127.0.0.1:")
    assert url != elsewhere


@pytest.mark.parametrize("code", [0, 1, 2, 77])
def test_the_exit_code_is_the_command_s(tmp_path: Path, code: int) -> None:
    assert run(tmp_path, "--", sys.executable, "-c", f"raise SystemExit({code})").returncode == code


def test_a_command_ended_by_a_signal_is_128_and_its_number(tmp_path: Path) -> None:
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run(tmp_path, "--", sys.executable, "-c", killed).returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def test_signals_are_passed_on(catching: subprocess.Popen[str], tmp_path: Path, name: str) -> None:
    """And the command has the last word: it chose 9."""
    catching.send_signal(getattr(signal, name))
    out, _ = catching.communicate(timeout=30)
    assert (catching.returncode, out) == (9, f"{name}\n")
    assert not list(tmp_path.glob("pubsub-ephemeral-*/store-*"))


def test_the_command_s_own_arguments_are_left_alone(tmp_path: Path) -> None:
    shown = [sys.executable, "-c", "import sys; print(sys.argv[1:])", "--firestore", "--", "-h"]
    assert run(tmp_path, "--", *shown).stdout == "['--firestore', '--', '-h']\n"


def test_standard_input_is_the_command_s(tmp_path: Path) -> None:
    done = subprocess.run(
        [*EXEC, "--", sys.executable, "-c", "print(input())"], input="hello\n", capture_output=True, text=True,
        env=_environment(tmp_path), timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "hello\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "a command is expected"),
        (["--"], 2, "a command is expected"),
        (["true"], 2, "unexpected extra argument"),
        (["--port", "1", "--", "true"], 2, "No such option '--port'"),
        (["--", "no-such-command"], 127, "no-such-command: No such file or directory"),
        (["--", "./plain"], 126, "./plain: Permission denied"),
        (["--firestore", "127.0.0.1:1", "--", "true"], 125, "no Firestore emulator responds at 127.0.0.1:1"),
    ],
)
def test_what_cannot_run_is_one_line(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    (tmp_path / "plain").write_text("not a program")
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.startswith("pubsub")
    assert done.stderr.count("\n") == 1


def test_it_runs_over_a_firestore_emulator(tmp_path: Path, google_emulator: str) -> None:
    environment = {"GOOGLE_CLOUD_PROJECT": f"exec-{os.getpid()}"}
    done = run(tmp_path, "--firestore", google_emulator, "--", sys.executable, "-c", SHOP, **environment)
    assert (done.returncode, done.stdout) == (0, "[{'number': 17}]\n")
