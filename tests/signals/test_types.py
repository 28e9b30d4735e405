"""A type checker accepts what is right, and refuses what is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """
from pubsubclient import dispatcher
from pubsubclient.signals import Any, Connection, Signal, receiver

@Signal
def paid(order: str, amount: int = 0) -> bool: return True

resized = Signal[[int], None](name="resized")
untyped: Signal[..., object] = Signal()

def takes_part(order: str) -> bool: return True
async def takes_it_async(order: str, amount: int) -> bool: return True
def returns_text(order: str) -> str: return ""
"""

ACCEPTED = [
    'paid.send(None, order="a", amount=1)',
    'paid.send(None, "a", 1)',
    'paid.send(object(), order="a")',
    'paid.emit("a", amount=1)',
    "resized.send(None, 5)",
    "resized.emit(5)",
    "untyped.send(sender=1, whatever=2)",
    'ok: list[bool] = [response for _, response in paid.send(None, "a")]',
    'either: list[bool | Exception] = [response for _, response in paid.send_robust(None, "a")]',
    'async def f() -> bool: return (await paid.asend(None, "a"))[0][1]',
    "connection: Connection = paid.connect(takes_part, once=True, priority=1, dispatch_uid='x')",
    "paid.connect(takes_it_async)",
    "with paid.connect(takes_part) as c: c.disconnect()",
    "with paid.captured() as sent, paid.muted(): sent[0].named",
    "@receiver(paid)\ndef g(order: str) -> bool: return True\nh: bool = g('a')",
    "@paid.connect\ndef g(order: str) -> bool: return True\ng('a')\ng.disconnect()",
    "@paid.connect(priority=1)\ndef g(order: str) -> bool: return True\nh: bool = g('a')",
    "paid.connect(paid.connect(takes_part))",
    "paid('a', amount=1)",
    "untyped.connect(paid.send)\nuntyped.connect(paid.asend)\nuntyped.connect(paid.emit)\nuntyped.connect(paid)",
    "dispatcher.connect(takes_part, signal='s', sender=Any)",
    "dispatcher.send(signal='s', sender=1, a=2)",
    "dispatcher.send('s', 1, 2, a=2)",
    "dispatcher.send(paid)",
]
REFUSED = [
    "paid.send(None, order=1)",
    "paid.send(None, amount=1)",
    'paid.send(None, order="a", unknown=1)',
    'paid.emit("a", "b")',
    "resized.emit('large')",
    "paid.connect(returns_text)",
    "paid.connect(5)",
    'bad: list[str] = [response for _, response in paid.send(None, "a")]',
    'bad: list[bool] = [response for _, response in paid.send_robust(None, "a")]',
    "@paid.connect\ndef g(order: str) -> str: return ''",
    "paid.connect(prority=1)",
    "paid(1)",
    "dispatcher.connect(5)",
    "@receiver(paid)\ndef g(order: str) -> bool: return True\ng(1)",
]


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says about each snippet. All are checked in one run."""
    folder = tmp_path_factory.mktemp("snippets")
    files = {}
    for index, snippet in enumerate([*ACCEPTED, *REFUSED]):
        files[f"snippet{index}.py"] = snippet
        (folder / f"snippet{index}.py").write_text(f"{HEAD}\n{snippet}\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", *files],
        cwd=folder,
        env={"MYPYPATH": str(Path(__file__).parents[2] / "client"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, list[str]] = {snippet: [] for snippet in files.values()}
    for line in done.stdout.splitlines():
        name = line.partition(":")[0]
        if name in files and ": error:" in line:
            found[files[name]].append(line)
    return found


@pytest.mark.parametrize("snippet", ACCEPTED)
def test_what_is_right_is_accepted(complaints: dict[str, list[str]], snippet: str) -> None:
    assert complaints[snippet] == []


@pytest.mark.parametrize("snippet", REFUSED)
def test_what_is_wrong_is_refused(complaints: dict[str, list[str]], snippet: str) -> None:
    assert complaints[snippet]
