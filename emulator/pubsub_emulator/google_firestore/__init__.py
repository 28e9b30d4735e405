"""Runs Google's Firestore emulator as a child process that never outlives its owner.

May import `errors`; no other room of the emulator. Begin with `process`.
"""
