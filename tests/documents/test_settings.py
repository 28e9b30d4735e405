"""Each setting and each flag has its place in the documentation, and nothing else has one there."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from documents.reading import ROOT, constant, flags, listed, page, variables
from pubsubclient import Subscriber
from pubsubclient._http import config
from pubsubclient._worker.options import Options
from pubsubclient.cli.group import NAMES, pubsub
from pubsubservice.subscribers.records import SETTINGS

_CLIENT = ROOT / "client" / "pubsubclient"
_DJANGO = _CLIENT / "contrib" / "django"
#: variables of Windows, in whose places files are looked for
_OF_WINDOWS = {"APPDATA", "USERNAME"}
#: modules that have a command line of argparse, and no command of click
_OF_ARGPARSE = {
    _CLIENT / "__main__.py",
    _CLIENT / "_worker" / "command.py",
    _DJANGO / "management" / "commands" / "pubsub_relay.py",
}


def _read(*folders: str) -> set[str]:
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return {name for file in files for name in variables(file)} - _OF_WINDOWS


def _set_by_terraform() -> set[str]:
    text = (ROOT / "terraform" / "functions.tf").read_text(encoding="utf-8")
    (block,) = re.findall(r"^    environment_variables = \{\n(.*?)^    \}", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^      ([A-Z_]+) += ", block, re.MULTILINE))


# -- variables of the environment, keys of files


def test_each_variable_of_the_environment_is_explained() -> None:
    """And each one that is explained is read somewhere, or set where the functions run."""
    explained = set[str]().union(*listed(page("settings.md"), "variable of the environment"))
    assert explained == _read("client", "functions", "emulator") | _set_by_terraform()


def test_each_variable_of_the_functions_is_among_theirs() -> None:
    """What they read, and what the Terraform module sets, which is the table's beginning."""
    section = page("settings.md").partition("## Of the service in the cloud")[2].partition("\n## ")[0]
    (table,) = listed(section, "variable of the environment")
    assert table == _read("functions") | _set_by_terraform()
    names = re.findall(r"^\| `(\w+)`", section, re.MULTILINE)
    assert set(names[: len(_set_by_terraform())]) == _set_by_terraform()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('import os\nos.environ.get("A", "")\nos.getenv("B")\nos.environ["C"]\n"D" in os.environ\n', "ABCD"),
        ('import os\n_A = "A"\nos.environ.get(_A)\n', "A"),
        ('import os\nfor name in ("A", "B"):\n    os.environ.get(name)\n', "AB"),
        ('import click\nclick.option("--a", envvar="A")\n', "A"),
        ('def of(environment):\n    return environment.get("A"), environment["B"]\n', "AB"),
        ('def application(environ):\n    return environ["PATH_INFO"]\n', ""),
    ],
)
def test_variables_are_found_however_they_are_read(source: str, names: str, tmp_path: Path) -> None:
    """But not the members of a WSGI request."""
    file = tmp_path / "module.py"
    file.write_text(source)
    assert set(variables(file)) == set(names)


def test_a_variable_that_cannot_be_named_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("import os\ndef of(name):\n    return os.environ.get(name)\n")
    with pytest.raises(ValueError, match="has no name"):
        set(variables(file))


def test_each_key_of_config_json_is_explained() -> None:
    assert listed(page("settings.md"), "key of `config.json`") == [{config.SETTING, *config._KEYS}]


def test_each_setting_of_django_is_explained() -> None:
    """The members of PUBSUB, and the options of the backend of Tasks."""
    members, options = constant(_DJANGO / "settings.py", "_MEMBERS"), constant(_DJANGO / "tasks.py", "_OPTIONS")
    assert isinstance(members, ast.Dict)
    assert isinstance(options, ast.Dict)
    assert listed(page("django.md"), "in `PUBSUB`") == [{ast.literal_eval(key) for key in members.keys if key}]
    (row,) = re.findall(r"^\| `OPTIONS` \| (.*?): as for", page("django.md"), re.MULTILINE)
    assert set(re.findall("`([A-Z_]+)`", row)) == {ast.literal_eval(key) for key in options.keys if key}


def test_each_system_check_of_django_is_in_the_range_that_its_page_names() -> None:
    used = {int(number) for number in re.findall(r'id="pubsub\.E(\d+)"', _sources(_DJANGO))}
    members = ast.literal_eval(re.sub(r"_check_\w+", "0", ast.unparse(constant(_DJANGO / "settings.py", "_MEMBERS"))))
    used |= {1, 2, *(number for number, _ in members.values())}
    first, last = re.findall(r"`pubsub\.E(\d+)`", page("django.md"))
    assert used == set(range(int(first), int(last) + 1))


def _sources(folder: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.py")))


# -- settings of a subscription


def test_a_subscription_has_the_same_settings_everywhere() -> None:
    """In the service, whose table of them is made; in the client; and on the command line."""
    names = {name.removesuffix("_s") for name in SETTINGS} | {"start", "filters"}
    parameters = inspect.signature(Subscriber.subscribe).parameters.values()
    assert {each.name for each in parameters if each.kind is each.KEYWORD_ONLY} == names
    options = {each.name for each in _options("subscribe") if not each.hidden}
    assert options == names


# -- flags


def _options(command: str) -> list[click.Option]:
    found = pubsub.get_command(click.Context(pubsub), command)
    assert found is not None
    return [each for each in found.params if isinstance(each, click.Option)]


def _spelled(options: list[click.Option]) -> set[str]:
    return {name for option in options for name in (*option.opts, *option.secondary_opts)}


def _common() -> set[str]:
    return _spelled([each for each in pubsub.params if isinstance(each, click.Option)])


@pytest.mark.parametrize("command", [None, *NAMES])
def test_each_flag_of_a_command_is_in_its_section(command: str | None) -> None:
    """And no other: as click knows them, not as the maker of the page shows them. Only those of all commands are elsewhere."""
    title = "### Options of all commands" if command is None else f"#### pubsub {command}"
    section = page("command-line.md").partition(f"\n{title}\n")[2]
    rows = re.findall(r"^\| `(-[^`]*)` \|", re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0], re.MULTILINE)
    shown = {name for row in rows for name in re.findall(r"(?:^|[ /])(--?[A-Za-z][a-z-]*)", row)}
    assert shown == (_common() if command is None else _spelled(_options(command)) - _common())


def test_each_flag_of_a_worker_is_explained() -> None:
    """And each option that `App.run` and `App.worker` take; those that both have stand beside each other."""
    (first,) = listed(page("workers.md"), "option of the command")
    assert {flag.partition(" ")[0] for flag in first} == flags(_CLIENT / "_worker" / "command.py")
    table = page("workers.md").partition("| option of the command |")[2].partition("\n\n")[0]
    cells = [row.split("|")[2] for row in table.splitlines()[2:]]
    second = {name for cell in cells for name in re.findall(r"`(\w+)[^`]*`", cell)}
    assert second == inspect.signature(Options).parameters.keys()


def test_each_flag_of_the_doctor_without_click_is_explained() -> None:
    """It is one of `pubsub doctor`, too."""
    (said,) = re.findall(r"`python -m pubsubclient` takes ([^.]*)\.", page("command-line.md"))
    found = flags(_CLIENT / "__main__.py")
    assert set(re.findall(r"`(--[a-z]+)`", said)) == found
    assert found <= _spelled(_options("doctor"))


def test_each_command_of_manage_py_is_explained() -> None:
    """With each of its flags; those of the worker are those of `pubsub worker`."""
    commands = {file.stem for file in (_DJANGO / "management" / "commands").glob("pubsub_*.py")}
    assert set(re.findall(r"manage\.py (pubsub_\w+)", page("django.md"))) == commands
    relay = "\n".join(
        line for line in page("django.md").splitlines() if line.startswith("python manage.py pubsub_relay")
    )
    assert set(re.findall(r"--[a-z]+", relay)) == flags(_DJANGO / "management" / "commands" / "pubsub_relay.py")


def test_no_other_module_has_a_command_line() -> None:
    """One that argparse makes would be on no page."""
    made = {
        file for folder in ("client", "functions", "emulator") for file in (ROOT / folder).rglob("*.py") if flags(file)
    }
    assert made == _OF_ARGPARSE


# -- what pages tell to type


def _typed() -> Iterator[tuple[str, str, str]]:
    """(page, command, flag) of each line that pages begin with `pubsub` and the name of a command."""
    for file in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if "decisions" in file.parts:
            continue
        for line in re.findall(r"(?:`|^|\$ |&& |\| )pubsub ([^`\n]*)", file.read_text(encoding="utf-8"), re.MULTILINE):
            words = re.split(r" -- | [|#;>] | && ", f"{line} ")[0].split()
            command = next((word for word in words if not word.startswith("-")), "")
            for word in words:
                if command in NAMES and re.fullmatch(r"--[a-z][a-z-]*(=.*)?", word):
                    yield file.name, command, word.partition("=")[0]


def test_each_flag_that_a_page_tells_to_type_is_there() -> None:
    typed = set(_typed())
    assert len(typed) > 10
    worker = flags(_CLIENT / "_worker" / "command.py")
    known = {name: _spelled(_options(name)) | _common() | (worker if name == "worker" else set()) for name in NAMES}
    assert {each for each in typed if each[2] not in known[each[1]] | {"--help"}} == set()
