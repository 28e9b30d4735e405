"""The storage port over Firestore, by plain gRPC stubs.

May import `storage` and `core`; of the service, only `api.app` imports this room, and only in a process that uses
Firestore. Begin with `store`, then `rpc`.
"""
