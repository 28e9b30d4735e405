"""Topics as append-only logs: appending each event once, finding a position, the registry of topics, and retention.

Imports `events`, `storage` and `core`. Begin with `writer`, then `group_commit`, `tail` and `batch`.
"""
