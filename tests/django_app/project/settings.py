"""On SQLite, or on the PostgreSQL of PGHOST."""

from __future__ import annotations

import os
from importlib.util import find_spec

SECRET_KEY = "the tests'"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["inside", "pubsubclient.contrib.django"]
if find_spec("django.tasks") is None:
    INSTALLED_APPS.append("django_tasks")

PUBSUB = {"NAME": "shop", "APP": "inside.handlers.app"}
TASKS = {
    "default": {
        "BACKEND": "pubsubclient.contrib.django.TasksBackend",
        "QUEUES": ["default", "mail"],
        "OPTIONS": {"MAX_ATTEMPTS": 3, "BACKOFF": 10},
    }
}
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DB", ":memory:")}
    if "PGHOST" not in os.environ
    else {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PGDATABASE"],
        "HOST": os.environ["PGHOST"],
        "USER": "postgres",
        "CONN_MAX_AGE": None,
    }
}
LOGGING_CONFIG = None
