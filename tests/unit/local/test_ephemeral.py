"""The store that leaves nothing behind, however its process ends."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pubsub_emulator.sqlite import ephemeral
from pubsub_emulator.sqlite.ephemeral import EphemeralStore

CHILD = """
import sys
sys.path[:] = {path!r}
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
store = EphemeralStore()
store.create("a/1", {{}})
print(store.directory, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def start_child() -> tuple[subprocess.Popen[str], Path]:
    """A process with an ephemeral store, and the store's directory."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(path=sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    return child, Path(child.stdout.readline().strip())


def test_closing_the_store_removes_its_directory() -> None:
    store = EphemeralStore()
    store.create("a/1", {"n": 1})
    assert (store.directory / "pubsub.sqlite3").exists()
    assert store.directory.stat().st_mode & 0o077 == 0
    store.close()
    assert not store.directory.exists()


def test_two_stores_share_nothing() -> None:
    one, two = EphemeralStore(), EphemeralStore()
    one.create("a/1", {})
    assert two.get_many(["a/1"]).docs == [None]
    one.close()
    two.create("a/1", {})
    two.close()


def test_the_end_of_the_process_removes_it() -> None:
    child, directory = start_child()
    assert directory.exists()
    child.communicate("\n")
    assert child.returncode == 0
    assert not directory.exists()


def test_what_a_killed_process_left_is_removed_by_the_next_one_and_nothing_else() -> None:
    killed, left = start_child()
    living, used = start_child()
    killed.kill()
    killed.communicate()
    assert left.exists()
    EphemeralStore().close()
    assert not left.exists()
    assert used.exists()
    living.communicate("\n")
    assert not used.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_child_that_ends_leaves_it_to_its_parent() -> None:
    script = CHILD.format(path=sys.path).replace(
        "sys.stdin.readline()",
        "import os\nif not os.fork(): sys.exit()\nos.wait()\nstore.create('a/2', {})\nassert store.directory.exists()",
    )
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).exists()


def test_a_directory_that_cannot_be_opened_is_left_alone(tmp_path: Path) -> None:
    """Whether the one before it was abandoned or not: it may be in use by somebody else."""
    for name in ("store-1", "store-2"):
        (tmp_path / name).mkdir()
    (tmp_path / "store-1" / "in-use").touch()
    # opening a directory as a file fails, for root too
    (tmp_path / "store-2" / "in-use").mkdir()
    ephemeral._remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["store-2"]
    ephemeral._remove_leftovers(tmp_path)
