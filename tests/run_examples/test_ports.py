"""Programs for other packages and their ports: both run, and do the same."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.serving import Serving
from run_examples.programs import Program, ran
from sources import source_of, unpacked


def test_a_module_of_celery_and_its_port_send_the_same_mails(start: Callable[..., Program]) -> None:
    before = ran("from_celery", "before.py").splitlines()
    assert len(before) == 4
    worker = start("from_celery", "-m", "pubsubclient.worker", "after:app")
    assert start("from_celery", "after.py").ended() == 0
    worker.wait_for("^archived ", 2)
    assert worker.end() == 0
    assert sorted(line for line in worker.lines if re.match("mailed|archived", line)) == sorted(before)


EXAMPLES_OF_PYDISPATCHER = ("extra_args", "hello_messages", "minimal", "simple_sample")


@pytest.fixture(scope="module")
def pydispatcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PyDispatcher's unpacked source distribution."""
    return unpacked(source_of("PyDispatcher", "PYDISPATCHER_SDIST"), tmp_path_factory.mktemp("pydispatcher"))


@pytest.mark.parametrize("name", EXAMPLES_OF_PYDISPATCHER)
def test_an_example_of_pydispatcher_prints_the_same_after_the_change(
    name: str, pydispatcher: Path, tmp_path: Path
) -> None:
    """But for what differs from run to run: addresses, and the order of members."""
    before = pydispatcher / "examples" / f"{name}.py"
    after = tmp_path / f"{name}.py"
    after.write_text(ran("from_pydispatcher", "port.py", str(before)))
    changed = [
        (old, new)
        for old, new in zip(before.read_text().splitlines(), after.read_text().splitlines(), strict=True)
        if old != new
    ]
    assert changed == [("from pydispatch import dispatcher", "from pubsubclient.pydispatch import dispatcher")]
    theirs = ran("from_pydispatcher", str(before), PYTHONPATH=str(pydispatcher))
    assert theirs
    assert comparable(ran("from_pydispatcher", str(after))) == comparable(theirs)


def comparable(text: str) -> str:
    members = re.sub(r"{(.*)}", lambda found: "{" + ", ".join(sorted(found[1].split(", "))) + "}", text)
    return re.sub(r"0x[0-9a-f]+", "0x", members)


@pytest.fixture
def google_pubsub() -> Iterator[str]:
    """Google's Pub/Sub emulator, at host:port. Its absence is a skip, with CI=true a failure; that of its client is a skip."""
    pytest.importorskip("google.cloud.pubsub_v1", reason="google-cloud-pubsub is not installed")
    launcher = _launcher()
    if launcher is None:
        message = "Google's Pub/Sub emulator is not installed: gcloud components install pubsub-emulator"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with socket.socket() as probe:  # with --port=0 it does not say which port it took
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(launcher), "--host=127.0.0.1", f"--port={port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        assert any("Server started" in line for line in process.stdout)
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 9)
        process.wait()
        process.stdout.close()


def _launcher() -> Path | None:
    from shutil import which

    gcloud = which("gcloud")
    if gcloud is None:
        return None
    found = Path(gcloud).resolve().parents[1] / "platform/pubsub-emulator/bin/cloud-pubsub-emulator"
    return found if found.is_file() else None


def test_a_program_of_googles_client_and_its_port_print_the_same(google_pubsub: str, emulator: Serving) -> None:
    before = ran("from_google_pubsub", "before.py", PUBSUB_EMULATOR_HOST=google_pubsub)
    assert before.splitlines() == [f"charged order {number} in EUR" for number in range(1, 6)]
    assert ran("from_google_pubsub", "after.py", PUBLISH_SUBSCRIBE_SERVICE=emulator.url) == before
