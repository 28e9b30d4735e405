"""The names of OpenTelemetry's semantic conventions for messaging, at one version: the only place that knows them.

Source: https://opentelemetry.io/docs/specs/semconv/messaging/ (status: development; only ``error.type`` and ``server.*`` are
stable).
"""

from __future__ import annotations

__all__ = ["SCHEMA_URL"]

#: the version of the conventions
SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

SYSTEM = "messaging.system"
DESTINATION = "messaging.destination.name"
SUBSCRIPTION = "messaging.destination.subscription.name"
PARTITION = "messaging.destination.partition.id"
OPERATION = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
MESSAGE_ID = "messaging.message.id"
MESSAGE_COUNT = "messaging.batch.message_count"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
ERROR_TYPE = "error.type"

#: the value of `SYSTEM`
PUBSUBCLIENT = "pubsubclient"

#: {operation name: operation type}
TYPES = {
    "create": "create", "publish": "send", "receive": "receive", "process": "process",
    "ack": "settle", "nack": "settle", "release": "settle",
}  # fmt: skip

OPERATION_DURATION = "messaging.client.operation.duration"
SENT_MESSAGES = "messaging.client.sent.messages"
CONSUMED_MESSAGES = "messaging.client.consumed.messages"
PROCESS_DURATION = "messaging.process.duration"
#: buckets that the conventions advise for both durations, seconds
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

#: our own, from a subscriber's state
BACKLOG = "pubsubclient.backlog"
OLDEST_AGE = "pubsubclient.oldest_age"
