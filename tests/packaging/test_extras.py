"""Each extra alone brings what it promises, and each missing one is told in a line that can be copied."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from .environments import Environment
from .locked import project

pytestmark = pytest.mark.slow

_MAX_EMULATOR_MB = 90
# by extra: a program that needs what it brings
_PROMISED = {
    "cli": "import click",
    "emulator": "from pubsub_emulator.cli import emulator, exec",
    "firestore": "import grpc, google.cloud.firestore_v1, pubsubservice.storage.firestore.protos",
    "auth": "import certifi, google.auth.jwt, pubsub_emulator.issuer, pubsubservice.api.certificates",
    "gcp": "from pubsubclient.gcp import GoogleIdentity; GoogleIdentity(); import google.auth.transport.requests",
    "fast": "from pubsubclient._core import json; assert json.encode.__module__.endswith('orjson'), json.encode",
    "otel": "import opentelemetry.trace",
    "typed": "import msgspec",
    "all": "import click, orjson, pubsub_emulator.cli.token, pubsubservice.storage.firestore.store",
}


def test_each_extra_has_a_promise() -> None:
    """A new one needs its own."""
    assert set(_PROMISED) == set(project()["project"]["optional-dependencies"])


@pytest.mark.parametrize("extra", _PROMISED)
def test_an_extra_alone_brings_what_it_promises(extra: str, wheel: Path, tmp_path: Path) -> None:
    """In an environment that has nothing else."""
    environment = Environment(tmp_path, f"{wheel}[{extra}]", with_pip=False)
    environment.run("python", "-W", "error", "-c", _PROMISED[extra])


def test_the_emulators_environment_is_small(installed: Environment) -> None:
    """With pip, which every new environment has."""
    files = (installed.folder / "venv").rglob("*")
    size_mb = sum(file.stat().st_blocks * 512 for file in files if not file.is_symlink()) / 2**20
    print(f"{size_mb:.0f} MB")
    assert size_mb <= _MAX_EMULATOR_MB


@pytest.mark.parametrize(
    ("arguments", "extras", "needs"),
    [
        (["emulator", "--ephemeral"], "emulator", r"pubsub emulator: this command needs \w+"),
        (["console"], "emulator", r"pubsub console: this command needs \w+"),
        (["exec", "--", "true"], "emulator", r"pubsub exec: this command needs \w+"),
        (["token", "--email", "a@example.com"], "emulator,auth", r"pubsub token: this command needs \w+"),
    ],
)
def test_a_plain_install_says_what_a_command_needs(
    arguments: list[str], extras: str, needs: str, plain: Environment, wheel: Path
) -> None:
    """One line, and this very wheel, for the index may not have it."""
    said = plain.fails("pubsub", *arguments)
    assert re.fullmatch(f"{needs}: {re.escape(_command(wheel, extras))}\n", said)


@pytest.mark.parametrize(
    ("arguments", "extra", "needs"),
    [
        (["emulator", "--ephemeral", "--auth"], "auth", "pubsub emulator: --auth needs cryptography"),
        (["emulator", "--auth"], "auth", "pubsub emulator: --auth needs cryptography"),
        (["emulator", "--firestore", "google"], "firestore", "pubsub emulator: --firestore needs Google's libraries"),
        (["token", "--email", "a@example.com"], "auth", "pubsub token: this command needs cryptography"),
    ],
)
def test_an_emulator_says_what_an_option_needs(
    arguments: list[str], extra: str, needs: str, installed: Environment, wheel: Path
) -> None:
    """Before it starts or makes anything."""
    said = installed.fails("pubsub", *arguments)
    assert said == f"{needs}: {_command(wheel, extra)}\n"


def test_an_emulator_says_what_a_firestore_that_runs_needs(installed: Environment, wheel: Path, port: int) -> None:
    """Only `--firestore HOST:PORT` with something that listens there."""
    said = installed.fails("pubsub", "emulator", "--firestore", f"127.0.0.1:{port}")
    assert said == f"pubsub emulator: --firestore needs Google's libraries: {_command(wheel, 'firestore')}\n"


def test_a_plain_install_says_what_googles_identities_need(plain: Environment, wheel: Path) -> None:
    """Only where they are asked for: in a config.json, for instance, which the error names."""
    said = plain.run("python", "-c", _WITHOUT_GCP).strip()
    assert said.endswith(f"config.json: Google's identities need google-auth: {_command(wheel, 'gcp')}")
    assert "\n" not in said


def test_the_command_that_is_told_works(wheel: Path, tmp_path: Path) -> None:
    """Copied as it stands, it brings what was missing."""
    environment = Environment(tmp_path, str(wheel))
    said = environment.fails("pubsub", "token", "--email", "a@example.com")
    program, *arguments = shlex.split(said.rpartition(": ")[2])
    environment.run(program, *arguments, timeout_s=280)
    with environment.running("pubsub", "emulator", "--port", "0", "--auth", ready="emulator ready: "):
        token = environment.run("pubsub", "token", "--email", "a@example.com")
    assert token.count(".") == 2


def _command(wheel: Path, extras: str) -> str:
    return f"pip install 'pubsubclient[{extras}] @ {wheel.as_uri()}'"


@pytest.fixture
def port() -> Iterator[int]:
    """A port at which somebody listens."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


_WITHOUT_GCP = """
import json, os, tempfile
from pathlib import Path
from pubsubclient import IdentityError, Publisher
os.chdir(tempfile.mkdtemp())
Path("config.json").write_text(json.dumps({"PUBLISH_SUBSCRIBE_SERVICE": "https://shop.example", "identity": "google"}))
try:
    Publisher("P1")
except IdentityError as error:
    print(error)
"""
