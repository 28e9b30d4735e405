"""The image as an engine would run it: who it runs as, what it keeps, how it ends, and when it is unhealthy."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from .clients import POLL, printed_by, started
from .container import ROOT, Container, Image, run_as_root

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

#: how long the service has to end once it is asked to
_END_S = 3.0
#: an engine kills what has not ended by then
_KILLED_S = 10.0


def _first_program() -> str:
    """The README's."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)[0]


def test_the_first_program_runs_and_a_new_container_goes_on_with_its_events(
    image: Image, volume: Path, tmp_path: Path
) -> None:
    """As a user without rights, over files that nobody else reads."""
    for place in (0, 1):
        with Container(image, volume) as container:
            status = Path(f"/proc/{container.pid}/status").read_text()
            assert re.search(r"^Uid:\t10001\t10001\t10001\t10001$", status, re.MULTILINE)
            assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
            printed = printed_by(container, _first_program(), tmp_path)
            assert printed.count("ReceivedEvent(") == 1
            assert f"sequence='0000-{place:020d}'" in printed
            code, seconds = container.stop()
            assert code == 0, container.printed
            assert seconds < _KILLED_S
    left = run_as_root("find", volume, "-printf", "%y %m %U:%G %P\\n").splitlines()
    assert left == ["d 700 10001:10001 ", "f 600 10001:10001 pubsub.sqlite3"]


def test_a_kill_loses_nothing_that_was_published(image: Image, volume: Path, tmp_path: Path) -> None:
    """The next container has it."""
    with Container(image, volume) as container:
        printed_by(container, "from pubsubclient import Publisher; Publisher('P').publish('T', 17)", tmp_path)
        container.kill()
    program = """
from pubsubclient import Subscriber
subscriber = Subscriber("S")
subscriber.subscribe("T")
print([event.data for event in subscriber.get_events()])
"""
    with Container(image, volume) as container:
        assert printed_by(container, program, tmp_path) == "[17]\n"


def test_sigterm_ends_it_at_once_while_a_poll_is_held(image: Image, volume: Path, tmp_path: Path) -> None:
    """The poll is answered, and the exit code is 0."""
    with Container(image, volume) as container:
        printed_by(container, "from pubsubclient import Subscriber; Subscriber('S1').subscribe('T')", tmp_path)
        with started(container, POLL, tmp_path) as client:
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
    installed = run_as_root("find", image.files / "opt/pubsub", "-printf", "%P\\n")
    packages = set(re.findall(r"/site-packages/([^/]+?)-[^/]+\.dist-info$", installed, re.MULTILINE))
    assert {"pubsubclient", "waitress", "msgspec", "cryptography"} <= packages
    assert not packages & {"pip", "hatchling", "editables", "pytest", "grpcio"}
    assert "src" not in run_as_root("ls", image.files).split()
    room = r"/site-packages/pubsubservice/core/"
    sources = re.findall(rf"{room}(\w+)\.py$", installed, re.MULTILINE)
    assert sorted(sources) == sorted(
        re.findall(rf"{room}__pycache__/(\w+)\.cpython-\d+\.pyc$", installed, re.MULTILINE)
    )


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
        printed_by(
            pubsub, "from pubsubclient import Publisher; Publisher('shop').publish('orders', {'number': 17})", tmp_path
        )
        assert printer.wait_for("orders") == "orders {'number': 17}\n"


# What docs/self-hosting.md tells people to do, by its own words.

_PAGE = (ROOT / "docs" / "self-hosting.md").read_text(encoding="utf-8")

_PUBLISH_ON = """
import itertools
from pubsubclient import Publisher
publisher = Publisher("P")
for number in itertools.count():
    publisher.publish("T", number)
    print(number, flush=True)
"""
_THROUGH_A_PROXY = """
import random, time
import requests
from pubsubclient import Publisher, Subscriber, Event
with Subscriber("S") as subscriber:
    publisher = Publisher("P")
    publisher.publish("T", 17)
    subscriber.subscribe("T", start="latest")
    began = time.monotonic()
    print(subscriber.get_events(wait=20), time.monotonic() - began > 15)
    publisher.publish("T", 17)
    print(subscriber.get_events(wait=20)[0].data)
    texts = [random.randbytes(350_000).hex() for _ in range(12)]
    publisher.publish([Event("T", text) for text in texts])
    received = []
    while len(received) < 12:
        received += [event.data for event in subscriber.get_events()]
    assert received == texts
    print("8 MiB")
for host, size in (("pubsub", 4_500_000), ("elsewhere", 10)):
    response = requests.post("https://pubsub/publish", data=b"x" * size, headers={"Host": host})
    print(response.status_code, response.json()["code"])
"""
_READ_ALL = """
from pubsubclient import Subscriber
with Subscriber("S") as subscriber:
    subscriber.subscribe("T")
    print(*[event.data for event in subscriber.events(wait=0)])
"""


def test_a_backup_while_somebody_publishes_has_all_that_was_acknowledged_before(
    image: Image, volume: Path, tmp_path: Path
) -> None:
    """And is of one moment: no hole, nothing half written."""
    (command,) = re.findall(r"^docker exec pubsub (python -m sqlite3 .*)$", _PAGE, re.MULTILINE)
    (owner,) = re.findall(r"^  (--owner \d+ --group \d+ --mode \d+) ", _PAGE, re.MULTILINE)
    with Container(image, volume) as container:
        with started(container, _PUBLISH_ON, tmp_path) as publisher:
            assert publisher.stdout is not None
            while int(before := publisher.stdout.readline()) < 50:
                pass
            container.executed(*shlex.split(command))
            publisher.kill()
        container.kill()
    restored = image.volume(tmp_path / "restored")
    run_as_root("install", *owner.split(), volume / "backup.sqlite3", restored / "pubsub.sqlite3")
    with Container(image, restored) as container:
        kept = [int(number) for number in printed_by(container, _READ_ALL, tmp_path).split()]
    assert kept == list(range(len(kept)))
    assert len(kept) > int(before)


def test_names_have_owners_with_auth(image: Image, volume: Path, tmp_path: Path) -> None:
    """The tokens that the page's command makes are good in the next container, too."""
    (options,) = re.findall(r"^  (--auth --admin \S+)$", _PAGE, re.MULTILINE)
    (command,) = re.findall(r"^docker exec pubsub (pubsub token .*)$", _PAGE, re.MULTILINE)
    register = "from pubsubclient import Publisher; Publisher('shop'); print('registered')"
    with Container(image, volume, *options.split()) as container:
        token = container.executed(*shlex.split(command)).strip()
        assert printed_by(container, register, tmp_path, PUBLISH_SUBSCRIBE_TOKEN=token) == "registered\n"
    with Container(image, volume, *options.split()) as container:
        assert printed_by(container, register, tmp_path, PUBLISH_SUBSCRIBE_TOKEN=token) == "registered\n"
        with started(container, register, tmp_path) as stranger:
            _, errors = stranger.communicate(timeout=120)
        assert "not_owner" in errors


def test_nginx_as_the_page_configures_it_carries_polls_and_large_requests(
    image: Image, volume: Path, tmp_path: Path, nginx: str
) -> None:
    """Over TLS; what the service refuses comes through as its own problem document."""
    (block,) = re.findall(r"^```nginx\n(.*?)^```$", _PAGE, re.DOTALL | re.MULTILINE)
    certificate, key = tmp_path / "pubsub.pem", tmp_path / "pubsub.key"
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pubsub -addext subjectAltName=DNS:pubsub"
    run_as_root(*request.split(), "-out", certificate, "-keyout", key)
    site = block.replace("pubsub.example.com", "pubsub")
    site = site.replace("/etc/ssl/pubsub.pem", str(certificate)).replace("/etc/ssl/pubsub.key", str(key))
    temporary = "".join(
        f"{name}_temp_path {tmp_path}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    settings = tmp_path / "nginx.conf"
    settings.write_text(
        f"user root; daemon off; pid {tmp_path}/pid; error_log stderr; events {{}}"
        f"http {{ access_log off; {temporary} server {{ listen 8080; return 204; }} {site} }}"
    )
    with Container(image, volume, "--allow-host", "pubsub") as container:
        run_as_root("cp", certificate, volume / "proxy.pem")
        run_as_root("chmod", "a+r", volume / "proxy.pem")
        with subprocess.Popen(
            container.reached_by(nginx, "-c", str(settings)), stderr=subprocess.PIPE, text=True
        ) as proxy:
            try:
                done = container.execute(
                    "env", "PUBLISH_SUBSCRIBE_SERVICE=https://pubsub", "REQUESTS_CA_BUNDLE=/data/proxy.pem",
                    "python", "-W", "error", "-c", _THROUGH_A_PROXY,
                )  # fmt: skip
            finally:
                run_as_root("kill", (tmp_path / "pid").read_text().strip())
                complaints = proxy.communicate(timeout=60)[1]
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + complaints
    assert done.stdout == "[] True\n17\n8 MiB\n413 too_large\n421 host_not_allowed\n"
