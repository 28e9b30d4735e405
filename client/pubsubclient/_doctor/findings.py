"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "fault", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: stable identifier, for instance ``"no_answer"``; docs/command-line.md lists them
        level: ``"fault"``: programs cannot use the service; ``"warning"``: they can, but something is not as it should be
        what: what is wrong, one sentence
        do: what to do about it, one sentence
    """

    code: str
    level: Literal["fault", "warning"]
    what: str
    do: str

    def __str__(self) -> str:
        return f"{self.level} {self.code}: {self.what} {self.do}"


def fault(code: str, what: str, do: str) -> Finding:
    """Return a finding that keeps programs from using the service."""
    return Finding(code, "fault", what, do)


def warning(code: str, what: str, do: str) -> Finding:
    """Return a finding that does not."""
    return Finding(code, "warning", what, do)
