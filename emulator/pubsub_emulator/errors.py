"""The errors that keep the emulator from starting. Each message is one line that says what to do.

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
    """A newer emulator wrote the data directory; this one could damage it."""


class AddressError(EmulatorError):
    """The address is unknown, taken, or not one that this process may bind."""


class KeyFileError(EmulatorError):
    """The file with the private key that tokens are signed with is missing, malformed, or open to others."""
