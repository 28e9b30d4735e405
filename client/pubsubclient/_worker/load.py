"""Finds the app, or another object, that ``module:name`` names."""

from __future__ import annotations

import importlib
import sys
import traceback
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from pubsubclient._core.errors import ConfigurationError

if TYPE_CHECKING:
    from pubsubclient._worker.worker import Worker

__all__ = ["App", "load", "load_app"]


class App(Protocol):
    """What the command needs of an app."""

    def worker(self, **options: object) -> Worker:
        """Return a worker of its handlers."""


def load_app(name: str) -> App:
    """Import ``module:name`` from the working directory, or from where Python finds modules; ``:app`` may be left out.

    Raises:
        ConfigurationError: there is no such module or name, it cannot be imported, or it is no app
    """
    found: App = load(name, "app")
    if not callable(getattr(found, "worker", None)):
        raise ConfigurationError(f"{name}: expected an App; it is {found!r:.80}.")
    return found


def load(name: str, default: str) -> Any:
    """Import ``module:name``; without a name, what the module has as `default`. Raises ConfigurationError."""
    module_name, _, path = name.partition(":")
    path = path or default
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return attrgetter(path)(_import(module_name, name, default))
    except AttributeError:
        raise ConfigurationError(f"{name}: module {module_name!r} has no {path!r}.") from None


def _import(module_name: str, name: str, default: str) -> ModuleType:
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise ConfigurationError(f'{name}: expected "module:{default}", for instance "shop.orders:{default}".')
    try:
        return importlib.import_module(module_name)
    except ConfigurationError:
        raise  # of a handler's declaration, for instance
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise ConfigurationError(
                f"{name}: there is no module {missing!r} in {Path.cwd()} or where Python looks for modules."
            ) from None
        raise ConfigurationError(_told(name, error)) from error
    except Exception as error:
        if not isinstance(error, ImportError | SyntaxError):
            traceback.print_exc()  # the program's own error: one line would not say enough
        raise ConfigurationError(_told(name, error)) from error


def _told(name: str, error: Exception) -> str:
    """Say in one line why a module cannot be imported, and where."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{name} cannot be imported: {type(error).__name__}: {error}{where}."
