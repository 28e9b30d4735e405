"""The storage port over one SQLite file: documents, the connection pool, and waiting for new documents."""
