"""The doctor: finds out why a program cannot use a service, from its configuration to the service's store.

Needs `requests` alone. May import `_http` and `_core`; `pubsub doctor` and ``python -m pubsubclient`` show what it finds.
Begin with `examine`.
"""
