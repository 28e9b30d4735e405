"""What an apply makes, and what the next one changes: over the stand-in, which writes the zip and remembers the rest."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from . import installed
from .tree import Failed, Tree

__all__ = ["VARIABLES", "upgraded", "uploaded_zip"]

VARIABLES = {"project_id": "shop-123", "region": "europe-west1"}

_FUNCTIONS = ("register", "publish", "subscribe", "get_events", "expire")
_OBJECT = "google_storage_bucket_object.source"
#: of what an upgrade changes: a function goes on under its name, and what gives access to it is made again
_UPGRADE = {
    _OBJECT: ["delete", "create"],
    **{f'google_cloudfunctions2_function.this["{name}"]': ["update"] for name in _FUNCTIONS},
    'google_cloud_run_v2_service_iam_binding.invokers["expire"]': ["delete", "create"],
}


def uploaded_zip(tree: Tree, state: dict[str, Any]) -> Path:
    """The file that an applied module uploads as the source of the functions."""
    resources = {found["address"]: found["values"] for found in state["values"]["root_module"]["resources"]}
    return tree.module / str(resources[_OBJECT]["source"])


def upgraded(tree: Tree) -> str:
    """Apply, apply again, change the source: nothing is to do the second time, and then what an upgrade is."""
    if installed.provider() == "real":
        return "not checked with the real providers: it takes an apply"
    tree.init()
    with zipfile.ZipFile(uploaded_zip(tree, tree.apply(**VARIABLES))) as archive:
        uploaded = {name: archive.read(name) for name in archive.namelist()}
    source = {path.relative_to(tree.functions).as_posix(): path for path in tree.functions.rglob("*") if path.is_file()}
    if uploaded != {name: path.read_bytes() for name, path in source.items()}:
        raise Failed(f"the zip is not functions/: it has {sorted(uploaded)}")
    _expect({}, tree.plan(**VARIABLES), "with nothing changed")
    main = tree.functions / "main.py"
    main.write_text(main.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    _expect(_UPGRADE, tree.plan(**VARIABLES), "with another source")
    return f"{len(uploaded)} files uploaded; another source updates {len(_FUNCTIONS)} functions"


def _expect(wanted: dict[str, list[str]], planned: dict[str, list[str]], when: str) -> None:
    if planned != wanted:
        raise Failed(f"{when} the plan is {planned}, where {wanted} is expected")
