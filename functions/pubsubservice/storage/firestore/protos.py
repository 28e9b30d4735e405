"""Imports the message types of google-cloud-firestore without its clients.

The package's ``__init__`` imports every client, synchronous and asynchronous: a quarter of the CPU time of a cold start, for
code that the service does not use. So this module puts the package into ``sys.modules`` without executing its ``__init__``,
imports the types, and removes the package again. A later import of the package runs as usual and gets the same types.
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
