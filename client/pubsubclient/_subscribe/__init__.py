"""Subscribing: getting events, settling them, asking about them, and publishing dead letters again.

May import `_publish` and all below. Begin with `subscriber`, then `fetch`, `held_leases` and `outcomes`.
"""
