"""The roles that docs/deploy.md asks for suffice: against tables of what each permits, and of what the module needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .tree import ROOT

_FOLDER = Path(__file__).parent
_DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
#: counts for backups alone, and is documented as such
_FOR_BACKUPS = "roles/datastore.backupSchedulesAdmin"


def _table(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_FOLDER / name).read_text(encoding="utf-8"))
    return found


_NEEDS = _table("permissions.json")
_ROLES = {role: set(known["permissions"]) for role, known in _table("roles.json")["roles"].items()}


def _documented() -> list[str]:
    """The roles that whoever applies the module is told to have, if not an owner's."""
    (section,) = re.findall(r"^## What you need\n(.*?)^## ", _DEPLOY, re.MULTILINE | re.DOTALL)
    return [role for role in re.findall(r"`(roles/[\w.]+)`", section) if role not in ("roles/owner", "roles/editor")]


def _needed(besides: str | None = None) -> dict[str, set[str]]:
    """What the documented roles lack, less one of them, by what needs it."""
    permitted = set().union(*(_ROLES[role] for role in _documented() if role != besides))
    wanted = {**_NEEDS["resources"], **_NEEDS["commands"]}
    lacking = {what: set(permissions) - permitted for what, permissions in wanted.items()}
    return {what: permissions for what, permissions in lacking.items() if permissions}


def test_the_documented_roles_suffice() -> None:
    """To apply, to change, to destroy, and for the commands on the page."""
    assert _documented()
    assert _needed() == {}


@pytest.mark.parametrize("role", _documented())
def test_each_of_them_is_needed(role: str) -> None:
    """And named once. What backups need is needed for nothing else."""
    assert _documented().count(role) == 1
    lacking = _needed(besides=role)
    assert lacking
    assert (role == _FOR_BACKUPS) == (set(lacking) == {"google_firestore_backup_schedule"})


def test_every_kind_of_resource_is_in_the_table() -> None:
    """A new kind needs permissions of its own: write them into permissions.json."""
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "terraform").glob("*.tf"))
    assert set(re.findall(r'^resource "(\w+)"', text, re.MULTILINE)) == set(_NEEDS["resources"])


def test_every_command_is_in_the_table() -> None:
    """Those in the page's blocks, by their words before the first argument."""
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```", _DEPLOY, re.MULTILINE | re.DOTALL)).replace("\\\n", "")
    named = set()
    for said in re.findall(r"gcloud [a-z -]+", blocks):
        found = [command for command in _NEEDS["commands"] if said.startswith(command)]
        assert found, said
        named.add(max(found, key=len))
    assert named == set(_NEEDS["commands"])
