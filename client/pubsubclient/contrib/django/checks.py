"""Django's system checks of the setting ``PUBSUB`` and of the app that it names."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.utils.module_loading import import_string

from pubsubclient import App
from pubsubclient._core.arguments import shown
from pubsubclient.contrib.django.settings import current, problems

__all__ = ["check_setting"]


def check_setting(**_: Any) -> list[checks.CheckMessage]:
    """Return what is wrong: ``pubsub.E001`` to ``pubsub.E008``."""
    found = [checks.Error(each.message, hint=each.hint, id=f"pubsub.E{each.number:03}") for each in problems()]
    return found or [*_check_app(current().app)]


def _check_app(path: str | None) -> list[checks.CheckMessage]:
    if path is None:
        return []
    try:
        app = import_string(path)
    except Exception as error:  # noqa: BLE001 - the program's own module
        why = f"It cannot be imported: {type(error).__name__}: {error}"
    else:
        if isinstance(app, App):
            return []
        why = f"Expected a pubsubclient.App; it is {shown(app)}."
    return [checks.Error(f"PUBSUB['APP'] is {path!r}.", hint=why, id="pubsub.E008")]
