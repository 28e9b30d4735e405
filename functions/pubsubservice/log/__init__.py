"""Topics as append-only logs: appending each event once, finding a position, the registry of topics, and retention.

May import `events`, `storage` and `core`. Begin with `writer`, then `group_commit`, `tail` and `batch`.
"""
