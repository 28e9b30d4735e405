"""The report of a run, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torture.checker import FAULTS, Verdict

__all__ = ["Report"]

_EXAMPLES = 5


class Report(NamedTuple):
    """What a run was, survived and found."""

    title: str
    verdict: Verdict
    #: what was done to it, by kind
    survived: Mapping[str, int]
    #: what went wrong with the run itself
    mishaps: list[str]
    history: str

    @property
    def failed(self) -> bool:
        """Whether a promise was broken, or the run itself went wrong."""
        return bool(self.mishaps) or any(self.verdict.faults.values())

    def __str__(self) -> str:
        lines = [self.title, ""]
        lines += _table("events", self.verdict.counts)
        lines += ["", *_table(f"faults survived: {sum(self.survived.values())}", self.survived)]
        lines += ["", *_table("promises broken", {kind: len(found) for kind, found in self.verdict.faults.items()})]
        for kind, found in self.verdict.faults.items():
            if found:
                lines += ["", f"{kind}: {FAULTS[kind]}", *(f"  {line}" for line in found[:_EXAMPLES])]
                lines += [f"  … and {len(found) - _EXAMPLES} more"] * (len(found) > _EXAMPLES)
        lines += ["", *(f"mishap: {mishap}" for mishap in self.mishaps)]
        lines += [f"history: {self.history}", "FAILED" if self.failed else "every promise held"]
        return "\n".join(lines)


def _table(head: str, rows: Mapping[str, int]) -> list[str]:
    width = max([len(head), *(len(name) + 2 for name in rows)])
    return [head, *(f"  {name:<{width}} {count:>9,}" for name, count in rows.items())]
