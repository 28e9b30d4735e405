"""``pubsub asyncapi``: what an app receives and publishes, as a document for other teams and their tools."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.extras import import_with_extra
from pubsubclient.cli.failures import CommandError

__all__ = ["command"]

_YAML_FILES = {".yaml", ".yml"}


@click.command(cls=Command, epilog="The service that is named, if one is, becomes the document's server.")
@click.argument("app", metavar="MODULE:APP")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write it; .yaml is YAML.",
)
@click.option("--yaml", "as_yaml", is_flag=True, help="YAML instead of JSON.")
@click.option("--title", metavar="TEXT", help="Its title (the app's name).")
@click.option("--app-version", metavar="TEXT", default="1.0.0", help="The version of the program (1.0.0).")
@pass_common
def command(
    common: Common, app: str, *, output: Path | None, as_yaml: bool, title: str | None, app_version: str
) -> None:
    """Describe an app, such as `shop.app:app`, in AsyncAPI 3.1: its topics, their messages, and its handlers."""
    from pubsubclient import App  # noqa: PLC0415 - it imports requests
    from pubsubclient._worker.load import load  # noqa: PLC0415

    if as_yaml and common.output.json:
        raise CommandError("--yaml, --json: expected one of them")
    found = load(app, "app")
    if not isinstance(found, App):
        raise CommandError(f"{app}: expected an App; it is {found!r:.80}.", code="config")
    if common.service is not None:
        common.chosen_service()  # from here on the default one
    document = found.asyncapi(title=title, version=app_version)
    if as_yaml or (output is not None and output.suffix in _YAML_FILES and not common.output.json):
        yaml = import_with_extra("yaml", "emulator", "--yaml")
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    else:
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if output is not None:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}.") from error
        common.output.note(f"{output}: AsyncAPI {document['asyncapi']}")
    elif common.output.json:
        common.output.record(document)
    else:
        common.output.raw(text.rstrip("\n"))
