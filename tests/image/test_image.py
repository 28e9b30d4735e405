"""The image as an engine would run it: who it runs as, what it keeps, how it ends, and when it is unhealthy."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from e2e.serving import environment

from .container import ROOT, Container, Image

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_URL = "http://127.0.0.1:8000"
#: how long the service has to end once it is asked to
_END_S = 3.0
#: an engine kills what has not ended by then
_KILLED_S = 10.0

#: sends a poll, says so once another request has been answered after it, and prints how it was answered
_POLL = """
import json, socket
from http.client import HTTPConnection
poll = socket.create_connection(("127.0.0.1", 8000), timeout=60)
body = json.dumps({"subscriber": "S1", "wait_s": 20}).encode()
headers = ["Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {len(body)}"]
poll.sendall("\\r\\n".join(["POST /get_events HTTP/1.1", *headers, "", ""]).encode() + body)
other = HTTPConnection("127.0.0.1", 8000, timeout=60)
other.request("GET", "/healthz")
other.getresponse().read()
print("held", flush=True)
print(poll.recv(64).partition(b"\\r\\n")[0].decode(), flush=True)
"""


def _first_program() -> str:
    """The README's."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)[0]


def _python(container: Container, program: str, folder: Path) -> subprocess.Popen[str]:
    variables = [f"{name}={value}" for name, value in environment(PUBLISH_SUBSCRIBE_SERVICE=_URL).items()]
    command = container.reached_by("env", *variables, sys.executable, "-W", "error", "-c", program)
    return subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _printed(container: Container, program: str, folder: Path) -> str:
    with _python(container, program, folder) as client:
        printed, errors = client.communicate(timeout=120)
    assert (client.returncode, errors) == (0, "")
    return printed


def test_the_first_program_runs_and_a_new_container_goes_on_with_its_events(
    image: Image, volume: Path, tmp_path: Path
) -> None:
    """As a user without rights, over files that nobody else reads."""
    for place in (0, 1):
        with Container(image, volume) as container:
            status = Path(f"/proc/{container.pid}/status").read_text()
            assert re.search(r"^Uid:\t10001\t10001\t10001\t10001$", status, re.MULTILINE)
            assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
            printed = _printed(container, _first_program(), tmp_path)
            assert printed.count("ReceivedEvent(") == 1
            assert f"sequence='0000-{place:020d}'" in printed
            code, seconds = container.stop()
            assert code == 0, container.printed
            assert seconds < _KILLED_S
    assert {(path.name, oct(path.stat().st_mode)) for path in volume.iterdir()} == {("pubsub.sqlite3", "0o100600")}
    assert (volume.stat().st_uid, oct(volume.stat().st_mode)) == (10001, "0o40700")


def test_a_kill_loses_nothing_that_was_published(image: Image, volume: Path, tmp_path: Path) -> None:
    """The next container has it."""
    with Container(image, volume) as container:
        _printed(container, "from pubsubclient import Publisher; Publisher('P').publish('T', 17)", tmp_path)
        container.kill()
    program = """
from pubsubclient import Subscriber
subscriber = Subscriber("S")
subscriber.subscribe("T")
print([event.data for event in subscriber.get_events()])
"""
    with Container(image, volume) as container:
        assert _printed(container, program, tmp_path) == "[17]\n"


def test_sigterm_ends_it_at_once_while_a_poll_is_held(image: Image, volume: Path, tmp_path: Path) -> None:
    """The poll is answered, and the exit code is 0."""
    with Container(image, volume) as container:
        _printed(container, "from pubsubclient import Subscriber; Subscriber('S1').subscribe('T')", tmp_path)
        with _python(container, _POLL, tmp_path) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == "held\n"
            code, seconds = container.stop()
            assert client.stdout.read() == "HTTP/1.1 200 OK\n"
        assert code == 0, container.printed
        assert seconds < _END_S


def test_the_health_check_tells_a_service_that_responds_from_one_that_is_stopped(image: Image, volume: Path) -> None:
    """By the very command that an engine runs; a frozen process still accepts connections."""
    with Container(image, volume) as container:
        assert container.execute(*container.health_command).returncode == 0
        container.signal(signal.SIGSTOP)
        assert container.execute(*container.health_command).returncode == 1
        container.signal(signal.SIGCONT)
        assert container.execute(*container.health_command).returncode == 0
    with Container(image, volume, entrypoint=["sh", "-c", "echo begun; sleep infinity"], ready="begun") as container:
        assert container.execute(*container.health_command).returncode == 1


def test_it_holds_the_service_and_no_tools_to_change_it(image: Image) -> None:
    """No pip, nothing that builds, none of the repository's other files; all compiled, as nobody may write there."""
    packages = next((image.files / "opt/pubsub/lib").glob("python3.*/site-packages"))
    names = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}
    assert {"pubsubclient", "waitress", "msgspec", "cryptography"} <= names
    assert not names & {"pip", "hatchling", "editables", "pytest", "grpcio"}
    assert not (image.files / "src").exists()
    compiled = {path.name.partition(".")[0] for path in (packages / "pubsubservice/core/__pycache__").iterdir()}
    assert compiled == {path.stem for path in (packages / "pubsubservice/core").glob("*.py")}


def test_the_example_consumer_prints_events(image: Image, volume: Path, tmp_path: Path) -> None:
    """As the compose file runs it: the consumer reaches the service under the name that the file allows."""
    services = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    service, consumer = services["pubsub"], services["consumer"]
    (source, target, _) = consumer["volumes"][0].split(":")
    assert consumer["entrypoint"] == ["python", target]
    program = (ROOT / "docker" / source).read_text(encoding="utf-8")
    variables = [f"{name}={value}" for name, value in consumer["environment"].items()]
    with (
        Container(image, volume, *service["command"]) as pubsub,
        Container(
            image, volume, entrypoint=["python", "-W", "error", "-c", program], environment=variables, network=pubsub,
            ready="waiting for events",
        ) as printer,
    ):  # fmt: skip
        _printed(
            pubsub, "from pubsubclient import Publisher; Publisher('shop').publish('orders', {'number': 17})", tmp_path
        )
        assert printer.wait_for("orders") == "orders {'number': 17}\n"
