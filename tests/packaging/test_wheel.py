"""The built wheel, in environments of its own."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from .environments import Environment

pytestmark = pytest.mark.slow

SEED_PROGRAM = Path(__file__).parents[1] / "e2e" / "programs" / "seed.py"
_EVENT = "A 0000-0000000000000000000{} attempt 1\n"
_OF_THE_ENVIRONMENT = {"pip", "setuptools", "wheel"}


def test_it_holds_the_packages_and_their_licence(wheel: Path) -> None:
    """And nothing of the tests, the demo or the checkout's files."""
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == {"pubsubclient", "pubsubservice", "pubsub_emulator"}
    assert {name.split("/")[0] for name in names if name.endswith("py.typed")} == top
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}


def test_a_plain_install_needs_requests_alone(plain: Environment) -> None:
    """And what that needs itself."""
    listed = json.loads(plain.run("python", "-m", "pip", "list", "--format", "json", "--not-required"))
    assert {package["name"] for package in listed} - _OF_THE_ENVIRONMENT == {"pubsubclient"}
    needed = plain.run(
        "python", "-c", "import importlib.metadata as m; import json; print(json.dumps(m.requires('pubsubclient')))"
    )
    assert [line for line in json.loads(needed) if "extra ==" not in line] == ["requests>=2.31"]


def test_a_plain_install_imports_from_where_it_was_installed(plain: Environment) -> None:
    """The checkout is out of reach."""
    where = plain.run("python", "-W", "error", "-c", "import pubsubclient; print(pubsubclient.__file__)")
    assert Path(where.strip()).is_relative_to(plain.folder)


def test_a_plain_install_says_what_the_emulator_needs(plain: Environment) -> None:
    """One line that can be copied."""
    code, _, said = plain.run("python", "-c", _WITHOUT_EMULATOR).partition(" ")
    assert code == "2"
    assert re.fullmatch(r"pubsub emulator: \w+ is missing: pip install 'pubsubclient\[emulator\]'\n", said)


_WITHOUT_EMULATOR = """
import subprocess, sys
from pathlib import Path
pubsub = str(Path(sys.executable).with_name("pubsub"))
ended = subprocess.run([pubsub, "emulator", "--ephemeral"], capture_output=True, text=True)
print(ended.returncode, ended.stderr, end="")
"""


def test_a_plain_install_says_what_googles_identities_need(plain: Environment) -> None:
    """Only where they are asked for: in a config.json, for instance, which the error names."""
    said = plain.run("python", "-c", _WITHOUT_GCP)
    assert re.fullmatch(
        r"\S+config.json: Google's identities need google-auth: pip install 'pubsubclient\[gcp\]'.\n", said
    )


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


def test_the_emulator_runs_the_first_program(installed: Environment, emulator: str) -> None:
    """Its one event on the first run, on the second only the new one."""
    program = installed.folder / "seed.py"
    program.write_text(SEED_PROGRAM.read_text())
    for run in (0, 1):
        assert installed.run("python", str(program), PUBLISH_SUBSCRIBE_SERVICE=emulator) == _EVENT.format(run)
