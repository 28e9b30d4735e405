"""The storage port: seven operations on documents, their paths, and the version of the data model.

May import `core`. Begin with `port`. `firestore/` is one adapter; the emulator has the other, over SQLite.
"""
