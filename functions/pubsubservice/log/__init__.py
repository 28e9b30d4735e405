"""Topics as append-only logs: append with group commit and deduplication, seek, retention, and the registry of topics."""
