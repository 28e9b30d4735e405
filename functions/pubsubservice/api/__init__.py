"""HTTP: decodes requests, finds out who calls, encodes answers, and holds the one service of the process.

May import every room; only `main` imports this one. Begin with `endpoint`, then the file of a call (`publish`, `get_events`,
`register`, `subscribe`).
"""
