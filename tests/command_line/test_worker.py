"""`pubsub worker` runs an app's handlers, as `python -m pubsubclient.worker` does."""

from __future__ import annotations

from pathlib import Path

from command_line.conftest import Run, start
from e2e.serving import Serving
from pubsubclient import Event, Publisher

_APP = """
import logging
from pubsubclient import App, Reject
app = App("NAME")

@app.handler("NAME.t")
def handle(data):
    print("handled", data, flush=True)
    logging.getLogger("shop").warning("at work")
    raise Reject("no stock")
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


def test_a_line_of_the_log_names_its_event_once(run: Run, name: str, shared: Serving, tmp_path: Path) -> None:
    """And lines that are about no event have no place for one."""
    (tmp_path / "shop.py").write_text(_APP.replace("NAME", name))
    run("subscribe", name, f"{name}.t")
    Publisher("shop").publish(Event(f"{name}.t", 17, id="e-17"))
    process = start(["worker", "shop:app", "--burst"], shared.url, cwd=tmp_path)
    _, err = process.communicate(timeout=60)
    (handlers,) = (line for line in err.splitlines() if "at work" in line)
    assert handlers.endswith(f"WARNING shop [{name} {name}.t e-17 #1] at work")
    (workers,) = (line for line in err.splitlines() if "no stock" in line)
    assert workers.count("e-17") == 1
    assert "[-" not in err
    assert f"INFO pubsubclient.worker Worker of {name}: started." in err


def test_the_common_options_choose_its_service(run: Run, name: str, shared: Serving, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(_APP.replace("NAME", name))
    run("subscribe", name, f"{name}.t")
    Publisher("shop").publish(f"{name}.t", 17)
    process = start(["-s", shared.url, "worker", "shop:app", "--burst"], "http://127.0.0.1:1", cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "handled 17\n"), err


def test_a_mistake_is_told(run: Run) -> None:
    done = run("worker", "nothing:app")
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "nothing" in done.err
