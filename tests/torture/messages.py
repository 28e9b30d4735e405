"""HTTP messages as bytes, whole: all that the proxy needs of HTTP/1.1."""

from __future__ import annotations

import asyncio

__all__ = ["read_message"]


async def read_message(reader: asyncio.StreamReader) -> bytes | None:
    """The next request or answer, head and body by its Content-Length; None if the connection ends before it is whole."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return head + await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
