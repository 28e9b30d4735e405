"""The Dockerfile and the compose file, without building anything. `make lint` holds them to hadolint and to their schema."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from .container import ROOT

_DOCKERFILE = ROOT / "docker" / "Dockerfile"
_COMPOSE = ROOT / "docker" / "compose.yaml"


def _unpinned(dockerfile: str) -> list[str]:
    """The bases that are not named by a digest, or by one that nobody computed."""
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", dockerfile, re.MULTILINE))
    stages: set[str] = set()
    unpinned = []
    for base, stage in re.findall(r"^FROM (?:--\S+ )*(\S+)(?: AS (\S+))?$", dockerfile, re.MULTILINE | re.IGNORECASE):
        image = re.sub(r"\$\{(\w+)\}", lambda name: arguments.get(name[1], ""), base)
        digest = re.search(r"@sha256:([0-9a-f]{64})$", image)
        if image not in stages and (digest is None or len(set(digest[1])) == 1):
            unpinned.append(base)
        stages.add(stage)
    return unpinned


def test_bases_are_pinned_by_digest() -> None:
    """Whatever is built from this commit later has the same base."""
    text = _DOCKERFILE.read_text(encoding="utf-8")
    assert len(re.findall(r"^FROM ", text, re.MULTILINE)) == 2
    assert _unpinned(text) == []


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM python:3.13-slim",
        f"FROM python:3.13-slim@sha256:{'0' * 64}",
        "ARG BASE=python:3.13-slim\nFROM ${BASE} AS build",
        "ARG BASE\nFROM ${BASE}",
        f"FROM python@sha256:{'0123456789abcdef' * 4} AS build\nFROM debian",
    ],
)
def test_a_base_without_a_digest_is_refused(dockerfile: str) -> None:
    """Or with a placeholder for one."""
    assert _unpinned(dockerfile) != []


def test_the_compose_file_gives_no_rights_and_listens_on_this_machine_alone() -> None:
    """Each service of it."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(_COMPOSE.read_text(encoding="utf-8"))["services"]
    for service in services.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_build_gets_what_it_copies_and_nothing_private() -> None:
    """.dockerignore leaves out all but what is named."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    for path in allowed:
        assert (ROOT / path).exists(), path
    assert allowed.isdisjoint({".git", ".venv", ".pubsub", "tests"})
