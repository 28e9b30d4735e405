"""``pubsub init``: what a new program needs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pubsubclient._http.config import CONFIG_FILE, SETTING
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.failures import CommandError

__all__ = ["command"]

_LOCAL = "http://127.0.0.1:8000"
_IGNORED = ".pubsub/"
_PROGRAM = """\
from pubsubclient import Event, Publisher, Subscriber, Topic

publisher = Publisher("P1")
topic = Topic("A")
publisher.publish(Event(topic, {"hello": "world"}))

subscriber = Subscriber("S1")
subscriber.subscribe(topic)
for event in subscriber.get_events():
    print(event.topic, event.data)
"""


@click.command(cls=Command)
@click.argument("directory", type=click.Path(path_type=Path), default=".")
@pass_common
def command(common: Common, directory: Path) -> None:
    """Write config.json and a first program, first.py, into DIRECTORY, and keep `.pubsub` out of git.

    Nothing that exists is overwritten.
    """
    config = json.dumps({SETTING: common.service or _LOCAL}, indent=2) + "\n"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        done = {
            CONFIG_FILE: _write(directory / CONFIG_FILE, config),
            "first.py": _write(directory / "first.py", _PROGRAM),
            ".gitignore": _ignore(directory / ".gitignore"),
        }
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}.") from error
    if common.output.json:
        common.output.record({"directory": str(directory.absolute()), "files": done})
        return
    for name, what in done.items():
        common.output.line(f"{name}: {what}")
    common.output.note("Now run `pubsub emulator`, and in another terminal `python first.py`.")


def _write(path: Path, text: str) -> str:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return "is there already, left as it is"
    return "written"


def _ignore(path: Path) -> str:
    """Add the emulator's data directory to a .gitignore."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if {_IGNORED, _IGNORED.rstrip("/")} & {line.strip() for line in text.splitlines()}:
        return "is there already, left as it is"
    with path.open("a", encoding="utf-8") as file:
        file.write(("" if not text or text.endswith("\n") else "\n") + _IGNORED + "\n")
    return f"{_IGNORED} added"
