"""The app that ``manage.py pubsub_worker`` runs: the program's handlers, Tasks, and the relay of the outbox."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from pubsubclient import App, ConfigurationError
from pubsubclient.contrib.django.connections import Connected
from pubsubclient.contrib.django.publishing import outbox
from pubsubclient.contrib.django.settings import PubSubSettings, current

__all__ = ["worker_app"]

#: the app that was made, and the settings that it was made of: an app can be included once
_made: tuple[object, App] | None = None


def worker_app() -> App:
    """Return the app that ``manage.py pubsub_worker`` runs; in tests: ``pubsub.deliver(worker_app())``.

    It has the handlers of ``PUBSUB['APP']``, those of each `TasksBackend` in ``TASKS``, and the relay of the outbox.

    Raises:
        ImproperlyConfigured: PUBSUB or TASKS are wrong, or there are neither handlers nor Tasks
        ConfigurationError: the handlers cannot stand beside each other
    """
    global _made
    given = current()
    backends = _task_backends()
    made_of = given, [(backend.alias, repr(backend.options), backend.queues) for backend in backends]
    if _made is None or _made[0] != made_of:
        _made = made_of, _make(given, backends)
    return _made[1]


def _make(given: PubSubSettings, backends: list[Any]) -> App:
    handlers: App | None = import_string(given.app) if given.app is not None else None
    if handlers is None and not backends:
        raise ImproperlyConfigured(
            "A worker has nothing to do: expected PUBSUB['APP'], the path of an App with handlers, or a TasksBackend in TASKS."
        )
    made = App(given.name if handlers is None else handlers.name)
    made.around(Connected)
    if handlers is not None:
        _take_over(made, handlers, given.app)
    for backend in backends:
        backend.declare(made)
    made.relay(outbox())
    return made


def _take_over(made: App, handlers: App, path: str | None) -> None:
    try:
        made.include(handlers)
    except ConfigurationError as error:
        raise ConfigurationError(f"PUBSUB['APP'], {path}: {error}") from error


def _task_backends() -> list[Any]:
    """Return the backends in TASKS that are ours."""
    try:
        from pubsubclient.contrib.django.tasks import TasksBackend, task_backends  # noqa: PLC0415 - not there on Django 5.2
    except ImportError:
        return []
    return [backend for backend in task_backends.all() if isinstance(backend, TasksBackend)]
