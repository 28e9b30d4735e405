"""The package's public modules and names: what the reference has a place for. ``python -m docs.site.public`` lists them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache

import django
from django.conf import settings

import pubsubclient

__all__ = ["modules", "names", "places", "prepare"]

#: modules whose public names another module has, and the command line, which has a reference of its own
_APART = (
    "pubsubclient.cli",
    "pubsubclient.contrib.django.",
    "pubsubclient.signals.",
    "pubsubclient.testing.",
    "pubsubclient.pydispatch",
)


def prepare() -> None:
    """Give Django settings, without which its modules cannot be imported. Of the whole process, so not for tests."""
    settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "pubsubclient.contrib.django"])
    django.setup()


@cache
def modules() -> tuple[str, ...]:
    """The public modules: those of no private room that have an ``__all__``."""
    return tuple(_modules())


def names(module: str) -> list[str]:
    """The public names of a module: classes, then functions, then exceptions, then the rest, each by the alphabet."""
    of = importlib.import_module(module)
    return sorted(
        (name for name in of.__all__ if name != "__version__"), key=lambda name: (_rank(getattr(of, name)), name)
    )


@cache
def places() -> dict[int, str]:
    """{id of a public object: the full name that the reference has it under}; the first module that has it counts."""
    found: dict[int, str] = {}
    for module in modules():
        of = importlib.import_module(module)
        for name in names(module):
            found.setdefault(id(getattr(of, name)), f"{module}.{name}")
    return found


def _modules() -> Iterator[str]:
    yield "pubsubclient"
    for found in pkgutil.walk_packages(pubsubclient.__path__, "pubsubclient."):
        if any(part.startswith("_") for part in found.name.split(".")) or found.name.startswith(_APART):
            continue
        if getattr(importlib.import_module(found.name), "__all__", ()):
            yield found.name


def _rank(value: object) -> int:
    if isinstance(value, type):
        return 2 if issubclass(value, BaseException) else 0
    return 1 if callable(value) else 3


if __name__ == "__main__":
    prepare()
    for each in modules():
        print(each, *names(each))
