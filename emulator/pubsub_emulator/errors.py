"""What stops the emulator from starting; each message is one line that says what to do.

Errors::

    EmulatorError
    ├── DataDirError    the data directory or its file cannot be used
    │   └── NewerFormatError    a newer emulator wrote it
    ├── AddressError    the address cannot be bound
    └── KeyFileError    the key that tokens are signed with cannot be used
"""

from __future__ import annotations

__all__ = ["AddressError", "DataDirError", "EmulatorError", "KeyFileError", "NewerFormatError"]


class EmulatorError(Exception):
    """The emulator cannot start."""


class DataDirError(EmulatorError):
    """The data directory, or the file in it, cannot be used."""


class NewerFormatError(DataDirError):
    """The data directory was written by a newer emulator; this one would spoil it."""


class AddressError(EmulatorError):
    """The address is unknown, taken, or not ours to bind."""


class KeyFileError(EmulatorError):
    """The file with the private key that tokens are signed with is missing, malformed, or open to others."""
