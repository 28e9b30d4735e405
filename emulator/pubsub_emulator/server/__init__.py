"""Serves the functions on one address: routing, limits of a connection, threads, retention, and an end that loses no request.

May import `errors`, and the service; no other room of the emulator. Begin with `server`, then `router`.
"""
