"""``pubsub seed``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.extras import import_with_extra

__all__ = ["command"]


@click.command(
    cls=Command, epilog="docs/command-line.md shows a file. Run it as often as you like: it adds nothing twice."
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--check", is_flag=True, help="Only check the file; no service is asked.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of such files.")
@pass_common
def command(common: Common, file: Path | None, *, check: bool, schema: bool) -> None:
    """Create the topics, subscriptions and events that a YAML or JSON FILE lists."""
    files = import_with_extra("pubsubclient.cli.seed_file", "emulator")
    if schema:
        common.output.line(json.dumps(files.schema(), indent=None if common.output.json else 2))
        return
    if file is None:
        raise click.UsageError("Missing argument 'FILE'.")
    plan = files.read_plan(file)
    if check:
        counts = plan.counts()
    else:
        from pubsubclient.cli.seeding import run  # noqa: PLC0415 - it needs msgspec too

        counts = run(plan, common.chosen_service(), common.output.progress)
        common.output.clear_progress()
    if common.output.json:
        common.output.record(counts)
    else:
        made = ", ".join(f"{count} {what}" for what, count in counts.items())
        common.output.line(f"{file}: {made}{' are well described' if check else ''}")
