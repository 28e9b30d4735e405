"""The HTTP server: routing, limits on connections and requests, the thread pool, and background maintenance."""
