"""What the dispatcher raises, and what it warns about.

::

    Exception
    └── DispatcherError
        ├── DispatcherKeyError    (also KeyError)   there is no such connection
        └── DispatcherTypeError   (also TypeError)  a signal or a receiver that cannot be one
            └── AsyncReceiverError                  an async receiver met by a send that cannot await it
    Warning
    ├── VanishingReceiverWarning  (RuntimeWarning)  nothing keeps the receiver alive: it is gone after the connect
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
        message: What happened, in a sentence.
        signal: The signal it is about.
        receiver: The receiver it is about, as text with file and line. Never the receiver itself: an error that is
            kept must not keep a receiver alive.
    """

    def __init__(self, message: object = "", *, signal: object = None, receiver: str | None = None) -> None:
        super().__init__(message)
        self.signal = signal
        self.receiver = receiver


class DispatcherKeyError(DispatcherError, KeyError):
    """There is no connection of that receiver to that signal and sender."""

    # KeyError prints the repr of its argument, which puts a sentence into quotes.
    __str__ = Exception.__str__


class DispatcherTypeError(DispatcherError, TypeError):
    """A signal or a receiver of a kind that cannot be connected."""


class AsyncReceiverError(DispatcherTypeError):
    """A coroutine function is connected, and the send that met it cannot await: use ``asend``."""


class VanishingReceiverWarning(RuntimeWarning):
    """A receiver was connected weakly although nothing else refers to it, so it is gone when connect returns."""


class VanishedReceiverWarning(ResourceWarning):
    """A function or lambda died before any signal was sent: a weak connection did not keep it alive."""
