"""The examples in the client's docstrings run."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.serving import environment, serving_on

ROOT = Path(__file__).parents[2] / "client"
#: a paragraph that is set off by four spaces, perhaps of several parts
_INDENTED = re.compile(r"(?:^|\n\n)((?: {4}.*\n?|\n(?= {4}))+)")
#: what an example takes for granted
_GRANTED = {
    "pubsubclient.dispatcher": "document, path = object(), 'a'\ndef on_saved(path, sender): pass\n",
    "pubsubclient.signals.signal.Signal": "from pubsubclient.signals import Signal\nshop = object()\n",
    "pubsubclient.testing": (
        "from pubsubclient import App\napp = App('billing')\n@app.handler('orders')\ndef bill(order: dict): pass\n"
    ),
}
_LEFT_OUT = {
    "pubsubclient.gcp": "needs credentials of Google",
    "pubsubclient.aio": "its loop has no end; those of docs/asyncio.md run",
}


def _examples() -> Iterator[tuple[str, str]]:
    """The name of what has a docstring, and an example in it: what compiles and calls something."""
    for file in sorted(ROOT.rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            name = module if isinstance(node, ast.Module) else f"{module}.{node.name}"
            for block in _INDENTED.findall(ast.get_docstring(node) or ""):
                if _is_program(text := textwrap.dedent(block)):
                    yield name, text


def _is_program(text: str) -> bool:
    try:
        return any(isinstance(node, ast.Call) for node in ast.walk(ast.parse(text)))
    except SyntaxError:
        return False


EXAMPLES = list(_examples())


def test_the_examples_are_found() -> None:
    assert {name for name, _ in EXAMPLES} >= {"pubsubclient", "pubsubclient.dispatcher", "pubsubclient.testing"}


@pytest.mark.parametrize(("name", "text"), [each for each in EXAMPLES if each[0] not in _LEFT_OUT])
def test_it_runs(name: str, text: str, tmp_path: Path) -> None:
    """Against an emulator of its own, if it names no other one."""
    serving = serving_on("sqlite", None, tmp_path) if name == "pubsubclient" else None
    try:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _GRANTED.get(name, "") + text],
            env=environment(PUBLISH_SUBSCRIBE_SERVICE=serving.url if serving else ""),
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        if serving:
            serving.close()
    assert (done.returncode, done.stderr) == (0, "")
