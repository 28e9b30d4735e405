"""The HTTP functions described in OpenAPI 3.1, made from the types that decode requests.

May import `errors`, and the service's types; no other room of the emulator. Begin with `document`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["describe"]


def describe(url: str) -> dict[str, Any]:
    """Return the OpenAPI document of a service at a base URL."""
    from pubsub_emulator.openapi.document import openapi  # noqa: PLC0415 - slow to import, and few emulators are asked

    return openapi(url)
