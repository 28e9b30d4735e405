"""The service on one machine: ``pubsub emulator`` serves the cloud's functions over a SQLite file.

Read ``cli`` and ``command`` (the command line), ``server`` and ``front`` (HTTP), ``sqlite`` (the store).
"""
