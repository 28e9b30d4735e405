"""Run tests of Django's own Tasks suite, with `TasksBackend` in place of Django's backends: python of_django.py FOLDER

FOLDER holds the suite: the package ``tasks`` of Django's own tests. On Django 5.2 the package django-tasks is tested by it,
under the name of Django's module.
"""

from __future__ import annotations

import logging
import os
import sys
import unittest
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import django
from django.test.utils import setup_databases, setup_test_environment

from pubsubclient.testing import local

#: the test cases, and what is true of Django's backends alone. `test_custom_backend` has its own backends.
CASES = {
    "test_tasks.TaskTestCase": {
        "test_using_priority": "priorities are not supported",
        "test_chained_using": "priorities are not supported",
        "test_invalid_priority": "priorities are not supported",
    },
    "test_dummy_backend.DummyBackendTestCase": {
        "test_refresh_result": "it changes a result in the dummy's memory",
        "test_refresh_result_async": "it changes a result in the dummy's memory",
    },
    "test_dummy_backend.DummyBackendTransactionTestCase": {},
    "test_immediate_backend.ImmediateBackendTestCase": {
        "test_cannot_get_result": "results can be asked for",
        "test_cannot_refresh_result": "results can be asked for",
        "test_cannot_pass_run_after": "tasks can be deferred",
    },
    "test_immediate_backend.ImmediateBackendTransactionTestCase": {
        "test_doesnt_wait_until_transaction_commit_by_default": "tasks run after the commit",
    },
}


def stand_in() -> None:
    """Let django-tasks be found as ``django.tasks``, with the names and the logger that this has."""
    names = ("", ".backends", ".base", ".exceptions", ".backends.base", ".backends.dummy", ".backends.immediate")
    for name in names:
        sys.modules[f"django.tasks{name}"] = import_module(f"django_tasks{name}")
    exceptions: Any = sys.modules["django.tasks.exceptions"]
    exceptions.InvalidTask = exceptions.InvalidTaskError
    exceptions.InvalidTaskBackend = exceptions.InvalidTaskBackendError
    logging.Logger.manager.loggerDict["django.tasks"] = logging.getLogger("django_tasks")
    CASES["test_dummy_backend.DummyBackendTestCase"]["test_validate_disallowed_async_task"] = (
        "django-tasks says it otherwise"
    )


def suite() -> unittest.TestSuite:
    """Return the tests, with our backends in them."""
    from of_django_backends import AtOnce, Waiting

    if find_spec("django.tasks") is None:
        stand_in()
    vars(import_module("django.tasks.backends.immediate"))["ImmediateBackend"] = AtOnce
    vars(import_module("django.tasks.backends.dummy"))["DummyBackend"] = Waiting
    found = unittest.TestSuite()
    for path, left_out in CASES.items():
        module, name = path.split(".")
        case: Any = getattr(import_module(f"tasks.{module}"), name)
        case.databases = {"default"}  # Django's backends need none
        for method, reason in left_out.items():
            setattr(case, method, unittest.skip(reason)(getattr(case, method)))
        found.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    return found


def main(folder: str) -> bool:
    """Run them; returns whether all pass."""
    sys.path.insert(0, folder)
    django.setup()
    setup_test_environment()
    setup_databases(verbosity=0, interactive=False)
    with local():
        result = unittest.TextTestRunner(verbosity=2).run(suite())
    return result.wasSuccessful()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # some of the tests ask for results in an event loop
    sys.exit(not main(sys.argv[1]))
