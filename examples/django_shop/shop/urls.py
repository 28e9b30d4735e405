"""One address."""

from __future__ import annotations

from django.urls import path

from .views import orders

urlpatterns = [path("orders", orders)]
