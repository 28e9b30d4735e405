"""SQLite, or the PostgreSQL of PGHOST. Where the service is says PUBLISH_SUBSCRIBE_SERVICE, or config.json."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

SECRET_KEY = "an example's"
DEBUG = True
USE_TZ = True
ROOT_URLCONF = "shop.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = ["shop", "pubsubclient.contrib.django"]
if find_spec("django.tasks") is None:  # before Django 6.0
    INSTALLED_APPS.append("django_tasks")

PUBSUB = {"NAME": "shop", "APP": "shop.events.app"}
TASKS = {"default": {"BACKEND": "pubsubclient.contrib.django.TasksBackend", "OPTIONS": {"BACKOFF": 1}}}

SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": os.environ.get("SHOP_DB", str(Path(__file__).parents[1] / "shop.db")),
    # workers and the web write at the same time: each waits for the others
    "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
}
POSTGRESQL = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": os.environ.get("PGDATABASE", "postgres"),
    "HOST": os.environ.get("PGHOST"),
    "USER": os.environ.get("PGUSER"),
    "CONN_MAX_AGE": 600,
}
DATABASES = {"default": POSTGRESQL if "PGHOST" in os.environ else SQLITE}
