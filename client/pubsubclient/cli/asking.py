"""Asks before a command drops something."""

from __future__ import annotations

import sys

import click

from pubsubclient.cli.common import Common
from pubsubclient.cli.failures import REFUSED, CommandError

__all__ = ["YES", "confirm"]

YES = click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where no terminal is there to answer.")


def confirm(common: Common, question: str, *, yes: bool) -> None:
    """Return if the user agrees. Raises CommandError if not, or if nobody can be asked."""
    if yes:
        return
    if common.output.json or not sys.stdin.isatty():
        raise CommandError(f"{question} Nobody can be asked here: repeat it with --yes.")
    if not click.confirm(question, err=True):
        raise CommandError("Nothing was changed.", code="declined", exit_code=REFUSED)
