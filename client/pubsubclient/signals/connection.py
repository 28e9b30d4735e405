"""Connect and disconnect, and the handle that connecting gives."""

from __future__ import annotations

import types
import weakref
from collections.abc import Hashable
from types import TracebackType
from typing import Any as Untyped
from typing import NoReturn

from pubsubclient.signals._engine.link import Link, Receiver, key_of, key_of_uid
from pubsubclient.signals._engine.origin import describe, safe_repr
from pubsubclient.signals._engine.saferef import BoundMethodWeakref
from pubsubclient.signals._engine.send import REGISTRY
from pubsubclient.signals._engine.vanish import warn_if_vanishing
from pubsubclient.signals.decoration import is_being_decorated
from pubsubclient.signals.errors import DispatcherKeyError, DispatcherTypeError
from pubsubclient.signals.placed import Unique
from pubsubclient.signals.wildcard import Any

__all__ = ["Connection", "connect", "disconnect", "make"]


class Connection(Unique):
    """One receiver connected to one signal of one sender. Leaving its ``with`` block disconnects it.

    It keeps neither the receiver nor the sender alive, and dropping it disconnects nothing. Only one that was made with
    ``@signal.connect`` above a function has taken the function's name, and so its place: it keeps the function alive.

    Calling it calls the receiver. Where a receiver is asked for, it stands for its own.
    """

    __slots__ = ("_function", "_link")

    def __init__(self, link: Link, function: Receiver | None = None) -> None:
        self._link = link
        #: The function whose name it has.
        self._function = function

    @property
    def connected(self) -> bool:
        """Whether it still holds: not disconnected, not replaced by connecting again, and nobody in it has died."""
        return self._link.connected

    @property
    def receiver(self) -> Receiver | None:
        """The receiver, or None if it is dead or disconnected."""
        return self._link.resolve()

    @property
    def signal(self) -> Hashable:
        """What it is connected to; `Any` for every signal."""
        return self._link.signal

    @property
    def sender(self) -> object:
        """Whose signals it hears; `Any` for everybody's, None also for a sender that is dead."""
        return self._link.table.sender()

    @property
    def weak(self) -> bool:
        """Whether it leaves the receiver free to die."""
        return self._link.weak

    def disconnect(self) -> None:
        """End it. Does nothing if it has ended already."""
        REGISTRY.remove(self._link)

    @property
    def __wrapped__(self) -> Receiver:
        """The receiver, as a decorated function has it: `inspect.signature` and `help` look there."""
        receiver = _referent(self)
        if receiver is None:
            message = "the receiver of this connection is dead or disconnected"
            raise AttributeError(message)
        return receiver

    def __call__(self, /, *arguments: Untyped, **named: Untyped) -> Untyped:
        """Call the receiver.

        Raises:
            DispatcherTypeError: If it is dead or disconnected, and the connection does not keep it.
        """
        return _alive(self, self.signal)(*arguments, **named)

    def __reduce__(self) -> NoReturn:
        message = f"cannot pickle {self!r}: a connection is of one process; pickle what is connected, and connect again"
        raise TypeError(message)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.disconnect()

    def __repr__(self) -> str:
        receiver = self.receiver
        name = "nobody any more" if receiver is None else describe(receiver)
        return f"<Connection of {name} to {self.signal!r} from {self.sender!r}>"


#: What stands for another receiver: weak references, and a receiver's own connection.
_REFERENCES = (weakref.ReferenceType, BoundMethodWeakref, Connection)


def connect(
    receiver: Receiver,
    signal: Hashable = Any,
    sender: object = Any,
    weak: bool = True,  # noqa: FBT001, FBT002 - PyDispatcher's fourth argument
    *,
    dispatch_uid: Hashable = None,
    once: bool = False,
    priority: int = 0,
) -> Connection:
    """Connect a receiver to a signal of a sender.

    Connecting a receiver again replaces its connection, with the options of the later call, and moves it last.

    Args:
        receiver: Any callable. A weak reference to one stands for what it refers to, connected weakly.
        signal: What to hear: any hashable object but None, by equality; `Any` for every signal.
        sender: Whom to hear: any object at all, by identity; `Any` for everybody, `Anonymous` for sends that name
            no sender. One that cannot be weakly referenced lives as long as its connections.
        weak: Whether the receiver may die. False keeps it alive while it is connected.
        dispatch_uid: A hashable name that stands for the receiver's identity: whatever is connected later under the
            same name replaces it.
        once: Whether the first send that reaches the receiver disconnects it.
        priority: Receivers with a higher one are called first.

    Raises:
        DispatcherTypeError: If the signal is None or unhashable, or the receiver is not callable, or is of a kind
            that cannot be referenced weakly.

    Warns:
        VanishingReceiverWarning: If it is to be weak, and nothing else refers to the receiver.
    """
    return make(
        receiver, signal, sender, weak=weak, dispatch_uid=dispatch_uid, once=once, priority=priority, looks_back=True
    )


def make(
    receiver: Receiver,
    signal: Hashable,
    sender: object,
    *,
    weak: bool,
    dispatch_uid: Hashable,
    once: bool,
    priority: int,
    looks_back: bool = False,
) -> Connection:
    """Connect.

    Args:
        receiver, signal, sender, weak, dispatch_uid, once, priority: As in `connect`.
        looks_back: Whether the caller of the caller is the user, whose receiver may be held by nothing else.
    """
    is_reference = isinstance(receiver, _REFERENCES)
    keep = warned = False
    if looks_back:
        keep = is_being_decorated(receiver, 2)
        warned = weak and not keep and not is_reference and warn_if_vanishing(receiver, 2)
    _check_signal(signal)
    if is_reference:
        weak = weak or not isinstance(receiver, Connection)
        receiver = _alive(receiver, signal)
    if not callable(receiver):
        message = f"the receiver {safe_repr(receiver)} is not callable"
        raise DispatcherTypeError(message, signal=signal, receiver=safe_repr(receiver))
    table = REGISTRY.table_for(sender)
    link = Link(receiver, signal, table, weak=weak, uid=dispatch_uid, once=once, priority=priority)
    if link.shape.sends_on and type(signal) is types.FunctionType:
        message = f"the receiver comes first, then the signal: got {safe_repr(receiver)}, then {describe(signal)}"
        raise DispatcherTypeError(message, signal=signal, receiver=safe_repr(receiver))
    if warned:
        link.code = None
    REGISTRY.add(link)
    return Connection(link, receiver if keep else None)


def disconnect(
    receiver: Receiver | None = None,
    signal: Hashable = Any,
    sender: object = Any,
    weak: bool = True,  # noqa: ARG001, FBT001, FBT002 - PyDispatcher's fourth argument
    *,
    dispatch_uid: Hashable = None,
) -> None:
    """End the connection of a receiver to exactly this signal and sender.

    Args:
        receiver: What was connected; not needed with a `dispatch_uid`.
        signal, sender: What it was connected to.
        weak: Not looked at: a receiver has one connection to a signal of a sender, weak or not.
        dispatch_uid: The name it was connected under, if it was.

    Raises:
        DispatcherKeyError: If there is no such connection.
        DispatcherTypeError: If the signal is None or unhashable.
    """
    _check_signal(signal)
    if isinstance(receiver, _REFERENCES):
        receiver = _referent(receiver)
    key = key_of(receiver) if dispatch_uid is None and receiver is not None else key_of_uid(dispatch_uid)
    link = REGISTRY.find(key, signal, sender)
    if link is None or not REGISTRY.remove(link):
        name = (
            f"dispatch_uid {safe_repr(dispatch_uid)}"
            if receiver is None or dispatch_uid is not None
            else describe(receiver)
        )
        message = f"no connection of {name} to signal {safe_repr(signal)} from sender {safe_repr(sender)}"
        raise DispatcherKeyError(message, signal=signal, receiver=name)


def _referent(reference: Untyped) -> Receiver | None:
    """The receiver that a reference refers to, or None if it is dead, or disconnected and not kept."""
    if not isinstance(reference, Connection):
        return reference()  # type: ignore[no-any-return]
    kept = reference._function  # noqa: SLF001 - of this module
    return reference.receiver if kept is None else kept


def _alive(reference: object, signal: Hashable) -> Receiver:
    """The receiver that a reference refers to. Raises DispatcherTypeError if there is none any more."""
    receiver = _referent(reference)
    if receiver is None:
        what = "connection whose receiver is dead or disconnected"
        if not isinstance(reference, Connection):
            what = "weak reference to something dead"
        message = f"the receiver is a {what}"
        raise DispatcherTypeError(message, signal=signal)
    return receiver


def _check_signal(signal: object) -> None:
    if signal is None:
        message = "None is no signal: connect to Any to hear every signal"
        raise DispatcherTypeError(message)
    try:
        hash(signal)
    except TypeError as error:
        message = f"the signal {safe_repr(signal)} is not hashable"
        raise DispatcherTypeError(message, signal=signal) from error
