"""Spans and metrics of this package's calls, by OpenTelemetry's conventions for messaging.

May import all rooms below. Needs ``opentelemetry-api``. Begin with `watching`; `conventions` has the names.
"""
