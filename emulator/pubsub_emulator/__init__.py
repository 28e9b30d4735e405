"""The service on one machine: ``pubsub emulator`` serves the cloud's functions over a SQLite file.

To read the code, begin with ``cli`` (the command line), ``server`` (HTTP) and ``sqlite`` (the store).
"""
