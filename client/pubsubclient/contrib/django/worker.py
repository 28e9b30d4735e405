"""The app that ``manage.py pubsub_worker`` runs: the program's handlers, Tasks, and the relay of the outbox."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from pubsubclient import App
from pubsubclient.contrib.django.connections import Connections
from pubsubclient.contrib.django.publishing import outbox
from pubsubclient.contrib.django.settings import current

__all__ = ["worker_app"]


def worker_app() -> App:
    """Return the app that ``manage.py pubsub_worker`` runs; in tests: ``pubsub.deliver(worker_app())``.

    It has the handlers of ``PUBSUB['APP']``, those of each `TasksBackend` in ``TASKS``, and the relay of the outbox.

    Raises:
        ImproperlyConfigured: PUBSUB or TASKS are wrong, or there are neither handlers nor Tasks
        ConfigurationError: the handlers cannot stand beside each other
    """
    given = current()
    handlers: App | None = import_string(given.app) if given.app is not None else None
    backends = _task_backends()
    if handlers is None and not backends:
        raise ImproperlyConfigured(
            "A worker has nothing to do: expected PUBSUB['APP'], the path of an App with handlers, or a TasksBackend in TASKS."
        )
    connections = Connections()
    made = App(given.name if handlers is None else handlers.name, lifespan=connections.lifespan)
    made.around(connections.around)
    if handlers is not None:
        # not `include`, which would make the program's app a part of this one
        made._part.included.append(handlers._part)  # noqa: SLF001
    for backend in backends:
        backend.declare(made)
    made.relay(outbox())
    return made


def _task_backends() -> list[Any]:
    """Return the backends in TASKS that are ours."""
    try:
        from pubsubclient.contrib.django.tasks import TasksBackend, task_backends  # noqa: PLC0415 - not there on Django 5.2
    except ImportError:
        return []
    return [backend for backend in task_backends.all() if isinstance(backend, TasksBackend)]
