"""The app's configuration: reads and checks the setting ``PUBSUB`` when Django starts."""

from __future__ import annotations

import django
from django.apps import AppConfig
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

__all__ = ["PubSubConfig"]


class PubSubConfig(AppConfig):
    """The app ``pubsubclient.contrib.django``, with the label ``pubsub``."""

    name = "pubsubclient.contrib.django"
    label = "pubsub"
    verbose_name = "Events"

    def import_models(self) -> None:
        """Import the models. Raises ImproperlyConfigured on a Django that is too old for them."""
        if django.VERSION < (5, 2):
            raise ImproperlyConfigured(f"{self.name} needs Django 5.2 or newer; this is {django.get_version()}.")
        super().import_models()

    def ready(self) -> None:
        """Register the system check, and let `PUBSUB['SERVICE']` be this process's service."""
        from django.conf import settings  # noqa: PLC0415 - the module is imported before the settings are there

        import pubsubclient  # noqa: PLC0415
        from pubsubclient.contrib.django.checks import check_setting  # noqa: PLC0415
        from pubsubclient.contrib.django.settings import problems  # noqa: PLC0415

        checks.register(check_setting, "pubsub")
        service = getattr(settings, "PUBSUB", {}).get("SERVICE") if not any(problems()) else None
        if service is not None:
            pubsubclient.configure(service=service)
