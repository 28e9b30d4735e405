"""Checks published events once and keeps the bytes that were sent; does no I/O.

May import `core`, not `storage`. Begin with `validate`; `fast_path` gives the same answers for common events, sooner.
"""
