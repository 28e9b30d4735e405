"""The option ``--seed``: what an emulator has before it says that it is ready."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pubsubclient.cli.seed_file import Plan

__all__ = ["read_seed", "run_seed"]


def read_seed(path: Path | None) -> Plan | None:
    """Read a seed file; None for None. Raises CommandError."""
    if path is None:
        return None
    from pubsubclient.cli.seed_file import read_plan  # noqa: PLC0415 - it imports requests, which the emulator does not need

    return read_plan(path)


def run_seed(plan: Plan, url: str) -> str:
    """Make what a seed file asks for in the emulator at `url`; returns what was made, in words. Raises PubSubError."""
    from pubsubclient import Service  # noqa: PLC0415 - see above
    from pubsubclient.cli.seeding import run  # noqa: PLC0415

    counts = run(plan, Service(url))
    return "seeded " + ", ".join(f"{count} {what}" for what, count in counts.items())
