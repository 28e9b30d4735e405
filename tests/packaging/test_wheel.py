"""The built wheel, in environments of its own."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from .conftest import ROOT
from .environments import Environment
from .locked import project

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


def test_it_holds_every_file_of_the_console(wheel: Path) -> None:
    """As it is here."""
    page = "pubsub_emulator/console/page/"
    packed = zipfile.ZipFile(wheel)
    names = {name for name in packed.namelist() if name.startswith(page)}
    here = ROOT / "emulator" / page
    assert names == {page + path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()}
    assert {name for name in names if packed.read(name) != (ROOT / "emulator" / name).read_bytes()} == set()


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


def test_a_plain_install_imports_all_of_the_client(plain: Environment) -> None:
    """With warnings as errors. The modules that need an extra miss its packages, and nothing else."""
    missing = plain.run("python", "-W", "error", "-c", _IMPORT_ALL).split()
    assert set(missing) <= {
        "click",
        "django",
        "google",
        "msgspec",
        "opentelemetry",
        "orjson",
        "sqlalchemy",
        "typing_extensions",
    }


_IMPORT_ALL = """
import importlib, pkgutil, pubsubclient
missing = []
for module in pkgutil.walk_packages(pubsubclient.__path__, "pubsubclient."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        missing.append(error.name.partition(".")[0])
print(*missing)
"""


def test_its_links_on_the_index_lead_to_the_files_of_its_tag(plain: Environment) -> None:
    """The README's own are relative, and the index has no such files."""
    program = (
        "import importlib.metadata as m; d = m.metadata('pubsubclient'); print(d['Version']); print(d.get_payload())"
    )
    version, _, text = plain.run("python", "-c", program).partition("\n")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    ours = [link for link in links if link.startswith(project()["project"]["urls"]["Source"])]
    assert all(link.startswith("https://") for link in links)
    assert len(ours) >= 10
    for link in ours:
        path = link.removeprefix(f"{project()['project']['urls']['Source']}/blob/v{version}/")
        assert (ROOT / path.partition("#")[0]).exists(), link
    images = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", text)
    assert images
    for image in images:  # the file itself, as a page about it shows no picture
        path = image.removeprefix(f"https://raw.githubusercontent.com/pubsubclient/pubsubclient/v{version}/")
        assert (ROOT / path).is_file(), image


def test_the_emulator_runs_the_first_program(installed: Environment, emulator: str) -> None:
    """Its one event on the first run, on the second only the new one."""
    program = installed.folder / "seed.py"
    program.write_text(SEED_PROGRAM.read_text())
    for run in (0, 1):
        assert installed.run("python", str(program), PUBLISH_SUBSCRIBE_SERVICE=emulator) == _EVENT.format(run)
