"""The service: topics as append-only logs over a document store, spoken to over HTTP.

Begin with ``main`` (the HTTP functions) and ``service`` (the composition of all rooms). Then read ``log.writer`` (how events
are appended) and ``delivery.get_events`` (how they are delivered). Everything stands on ``storage.port``. A room imports only
rooms below it: ``docs/architecture.md`` has the map.
"""

from pubsubservice._version import __version__

__all__ = ["__version__"]
