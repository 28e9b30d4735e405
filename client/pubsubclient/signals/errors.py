"""The errors and warnings of signals.

::

    Exception
    └── DispatcherError
        ├── DispatcherKeyError    (also KeyError)   the connection does not exist
        └── DispatcherTypeError   (also TypeError)  an object cannot be a signal or a receiver
            └── AsyncReceiverError                  a send that cannot await met an async receiver
    Warning
    ├── VanishingReceiverWarning  (RuntimeWarning)  nothing keeps the receiver alive after connect returns
    └── VanishedReceiverWarning   (ResourceWarning) a function died before any signal was sent
"""

from __future__ import annotations

__all__ = [
    "AsyncReceiverError",
    "DispatcherError",
    "DispatcherKeyError",
    "DispatcherTypeError",
    "VanishedReceiverWarning",
    "VanishingReceiverWarning",
]


class DispatcherError(Exception):
    """Base of all errors of the dispatcher.

    Args:
        message: the error in a sentence
        signal: the signal concerned
        receiver: the receiver concerned, as text with file and line; not the receiver itself, which a stored error
            would keep alive
    """

    def __init__(self, message: object = "", *, signal: object = None, receiver: str | None = None) -> None:
        super().__init__(message)
        self.signal = signal
        self.receiver = receiver


class DispatcherKeyError(DispatcherError, KeyError):
    """The receiver is not connected to the signal and sender."""

    # KeyError would print the repr of the message, in quotes.
    __str__ = Exception.__str__


class DispatcherTypeError(DispatcherError, TypeError):
    """The object cannot be connected: its type does not allow it to be a signal, or a receiver."""


class AsyncReceiverError(DispatcherTypeError):
    """The receiver is a coroutine function, and this way of sending cannot await it: use ``asend``."""


class VanishingReceiverWarning(RuntimeWarning):
    """A receiver was connected weakly although nothing else refers to it, so it dies as soon as connect returns."""


class VanishedReceiverWarning(ResourceWarning):
    """A weakly connected function or lambda died before any signal was sent, because nothing kept it alive."""
