"""The service: topics as append-only logs over a document store, spoken to over HTTP.

Read ``main`` (the HTTP functions), then ``service`` (what each call does), then ``log`` (how events are
appended) and ``delivery`` (how they are handed out). ``store`` is the port everything stands on.
"""

from pubsubservice._version import __version__

__all__ = ["__version__"]
