"""The storage port over one SQLite file, shared by the threads and processes of one machine.

May import `document_limits` and `errors`, and the service's `storage` and `core`; no other room of the emulator. Begin with
`store`, then `pool` and `watch`.
"""
