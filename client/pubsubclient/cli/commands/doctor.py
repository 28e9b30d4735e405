"""``pubsub doctor``; ``python -m pubsubclient`` is the same without click."""

from __future__ import annotations

import click

from pubsubclient.cli.common import Command, Common, pass_common

__all__ = ["command"]


@click.command(cls=Command, epilog="Exit code 0: all is well, or there are warnings; 1: there are faults.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@pass_common
def command(common: Common, *, strict: bool) -> int:
    """Find out why programs in this directory cannot use their service, and say what to do.

    It looks at the configuration, this machine, the network and the service. With --quiet the exit code alone says it.
    """
    from pubsubclient._doctor.report import report  # noqa: PLC0415 - it imports requests
    from pubsubclient._http.config import configure  # noqa: PLC0415

    configure(identity=common.token)
    return report(common.service, as_json=common.output.json, quiet=common.output.quiet, strict=strict)
