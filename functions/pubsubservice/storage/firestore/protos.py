"""The message types of google-cloud-firestore, without its clients.

Its package imports all of them, synchronous and asynchronous: a quarter of the CPU time of a cold start, and nothing of it is
used here. So the types are imported from a package that was found, but not run; whoever imports the package later gets all
of it, with these same types.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec, module_from_spec
from typing import Any

__all__ = ["types"]

_PACKAGE = "google.cloud.firestore_v1"


def _import_types() -> Any:
    spec = None if _PACKAGE in sys.modules else find_spec(_PACKAGE)
    if spec is None:
        return importlib.import_module(f"{_PACKAGE}.types")
    sys.modules[_PACKAGE] = module_from_spec(spec)
    try:
        return importlib.import_module(f"{_PACKAGE}.types")
    finally:
        del sys.modules[_PACKAGE]


types = _import_types()
