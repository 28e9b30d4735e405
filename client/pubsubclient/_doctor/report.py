"""The doctor's report, for `pubsub doctor` and ``python -m pubsubclient``."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import textwrap

from pubsubclient._core.errors import ConfigurationError
from pubsubclient._doctor.examine import doctor
from pubsubclient._doctor.findings import Finding
from pubsubclient._http.config import find_service
from pubsubclient._http.service import Address, Service

__all__ = ["report"]


def report(service: Address | Service | None, *, as_json: bool, quiet: bool, strict: bool) -> int:
    """Write what is wrong to stdout; returns 1 if there are faults (with `strict`, also if there are warnings), else 0."""
    logger = logging.getLogger("pubsubclient.transport")
    level = logger.level
    logger.setLevel(logging.ERROR)  # what it would warn of is a finding
    try:
        findings = doctor(service)
    finally:
        logger.setLevel(level)
    if not quiet:
        sys.stdout.write(f"{_json(findings) if as_json else _text(findings, service)}\n")
    return int(any(strict or finding.level == "fault" for finding in findings))


def _json(findings: list[Finding]) -> str:
    return json.dumps({"findings": [vars(finding) for finding in findings]}, ensure_ascii=False)


def _text(findings: list[Finding], service: Address | Service | None) -> str:
    if findings:
        # lines break between words on a terminal, and not at all elsewhere
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
        lines = [(f"{each.level} {each.code}: {each.what}", each.do) for each in findings]
        return "\n".join(
            textwrap.fill(text, width, initial_indent=indent, subsequent_indent="  ", break_on_hyphens=False)
            for line in lines
            for text, indent in zip(line, ("", "  "), strict=True)
        )
    try:
        url = find_service(service).urls["register"].removesuffix("/register")
    except ConfigurationError:  # it was removed meanwhile
        url = "the service"
    return f"All is well: {url} answers."
