"""The service on one machine: ``pubsub emulator`` serves the cloud's functions over a SQLite file.

Begin with ``emulator`` (the service over a store, served on one address), then ``cli`` (the command line), ``server`` (HTTP)
and ``sqlite`` (the store). ``docs/architecture.md`` has the map of the rooms.
"""
