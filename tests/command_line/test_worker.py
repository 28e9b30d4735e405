"""`pubsub worker` runs an app's handlers, as `python -m pubsubclient.worker` does."""

from __future__ import annotations

from pathlib import Path

from command_line.conftest import Run, start
from e2e.serving import Serving
from pubsubclient import Publisher

_APP = """
from pubsubclient import App
app = App("NAME")

@app.handler("NAME.t")
def handle(data):
    print("handled", data, flush=True)
"""


def test_its_help_is_its_own(run: Run) -> None:
    done = run("worker", "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("usage: pubsub worker ")
    assert max(map(len, done.out.splitlines())) <= 80


def test_an_app_of_the_working_directory_runs(run: Run, name: str, shared: Serving, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(_APP.replace("NAME", name))
    run("subscribe", name, f"{name}.t")
    Publisher("shop").publish(f"{name}.t", 17)
    process = start(["worker", "shop:app", "--burst"], shared.url, cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "handled 17\n"), err


def test_a_mistake_is_told(run: Run) -> None:
    done = run("worker", "nothing:app")
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "nothing" in done.err
