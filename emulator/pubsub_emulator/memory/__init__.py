"""The storage port in the memory of one process, for tests.

May import `document_limits` and `errors`, and the service's `storage` and `core`; no other room of the emulator. `store` is
all of it.
"""
