"""`connect` and `disconnect`, and the `Connection` that `connect` returns."""

from __future__ import annotations

import types
import weakref
from collections.abc import Hashable
from types import TracebackType
from typing import Any as Untyped
from typing import NoReturn

from pubsubclient.signals._engine.link import Link, key_of, key_of_uid
from pubsubclient.signals._engine.origin import describe, safe_repr
from pubsubclient.signals._engine.saferef import BoundMethodWeakref
from pubsubclient.signals._engine.send import REGISTRY
from pubsubclient.signals._engine.signature import Receiver
from pubsubclient.signals._engine.vanish import warn_if_vanishing
from pubsubclient.signals.decoration import is_being_decorated
from pubsubclient.signals.errors import DispatcherKeyError, DispatcherTypeError
from pubsubclient.signals.placed import Unique
from pubsubclient.signals.wildcard import Any

__all__ = ["Connection", "connect", "disconnect", "make"]


class Connection(Unique):
    """One receiver connected to one signal of one sender. As a context manager, it disconnects at the end of the block.

    It keeps neither the receiver nor the sender alive, and its own death disconnects nothing. The exception is a connection
    made by the decorator ``@signal.connect``: it replaces the function under its name, so it keeps the function alive.

    Calling a connection calls its receiver. `connect` and `disconnect` accept a connection in place of its receiver.
    """

    __slots__ = ("_function", "_link")

    def __init__(self, link: Link, function: Receiver | None = None) -> None:
        self._link = link
        #: The decorated function, which it keeps alive; None without a decorator.
        self._function = function

    @property
    def connected(self) -> bool:
        """Whether it still exists: not disconnected, not replaced by a later `connect`, receiver and sender alive."""
        return self._link.connected

    @property
    def receiver(self) -> Receiver | None:
        """The receiver, or None if it is dead or disconnected."""
        return self._link.resolve()

    @property
    def signal(self) -> Hashable:
        """The signal it is connected to; `Any` for every signal."""
        return self._link.signal

    @property
    def sender(self) -> object:
        """The sender it is connected to; `Any` for every sender, None also for a sender that has died."""
        return self._link.table.sender()

    @property
    def weak(self) -> bool:
        """Whether it refers to the receiver weakly."""
        return self._link.weak

    def disconnect(self) -> None:
        """Disconnect the receiver. Does nothing if it is disconnected already."""
        REGISTRY.remove(self._link)

    @property
    def __wrapped__(self) -> Receiver:
        """The receiver, under the name where `inspect.signature` and `help` look for a decorated function."""
        receiver = _referent(self)
        if receiver is None:
            raise AttributeError("the receiver of this connection is dead or disconnected")
        return receiver

    def __call__(self, /, *arguments: Untyped, **named: Untyped) -> Untyped:
        """Call the receiver.

        Raises:
            DispatcherTypeError: the receiver is dead or disconnected, and the connection does not keep it alive
        """
        return _alive(self, self.signal)(*arguments, **named)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"cannot pickle {self!r}: a connection belongs to one process; pickle the receiver, and connect it again"
        )

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.disconnect()

    def __repr__(self) -> str:
        receiver = self.receiver
        name = "a dead or disconnected receiver" if receiver is None else describe(receiver)
        return f"<Connection of {name} to {self.signal!r} from {self.sender!r}>"


#: Objects accepted in place of the receiver they refer to.
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
        receiver: any callable, or a weak reference to one, whose referent is then connected weakly
        signal: any hashable object except None, compared by equality; `Any` for every signal
        sender: any object, compared by identity; `Any` for every sender, `Anonymous` for sends that name no sender. A
            sender that cannot be referenced weakly is kept alive by its connections
        weak: refer to the receiver weakly, so that it may die; False keeps it alive while it is connected
        dispatch_uid: a hashable name that replaces the receiver's identity: a receiver connected later under the same
            name replaces this one
        once: the first send that reaches the receiver disconnects it
        priority: receivers with a higher priority are called first

    Raises:
        DispatcherTypeError: the signal is None or unhashable, or the receiver is not callable, or its type cannot be
            referenced weakly

    Warns:
        VanishingReceiverWarning: the connection is weak, and nothing else refers to the receiver
    """
    return make(
        receiver, signal, sender, weak=weak, dispatch_uid=dispatch_uid, once=once, priority=priority, by_user=True
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
    by_user: bool = False,
) -> Connection:
    """Connect a receiver. The other arguments are those of `connect`.

    Args:
        by_user: the caller's caller is user code; then check whether it is decorating the receiver, or whether nothing
            else refers to the receiver
    """
    is_reference = isinstance(receiver, _REFERENCES)
    keep = warned = False
    if by_user:
        keep = is_being_decorated(receiver, 2)
        warned = weak and not keep and not is_reference and warn_if_vanishing(receiver, 2)
    _check_signal(signal)
    if is_reference:
        weak = weak or not isinstance(receiver, Connection)
        receiver = _alive(receiver, signal)
    if not callable(receiver):
        raise DispatcherTypeError(
            f"the receiver {safe_repr(receiver)} is not callable", signal=signal, receiver=safe_repr(receiver)
        )
    table = REGISTRY.table_for(sender)
    link = Link(receiver, signal, table, weak=weak, uid=dispatch_uid, once=once, priority=priority)
    if link.shape.forwards and type(signal) is types.FunctionType:
        raise DispatcherTypeError(
            f"expected the receiver first, then the signal: got {safe_repr(receiver)}, then {describe(signal)}",
            signal=signal,
            receiver=safe_repr(receiver),
        )
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
    """Disconnect a receiver from exactly this signal and sender.

    Args:
        receiver: the connected receiver; not needed with a `dispatch_uid`
        signal: the signal that it was connected to
        sender: the sender that it was connected to
        weak: ignored; a receiver has at most one connection to a signal of a sender, weak or not
        dispatch_uid: the name it was connected under, if any

    Raises:
        DispatcherKeyError: the connection does not exist
        DispatcherTypeError: the signal is None or unhashable
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
        raise DispatcherKeyError(
            f"no connection of {name} to signal {safe_repr(signal)} from sender {safe_repr(sender)}",
            signal=signal,
            receiver=name,
        )


def _referent(reference: Untyped) -> Receiver | None:
    """Return the receiver that a reference refers to, or None if it is dead, or disconnected and not kept alive."""
    if not isinstance(reference, Connection):
        return reference()  # type: ignore[no-any-return]
    kept = reference._function  # noqa: SLF001 - a class of this module
    return reference.receiver if kept is None else kept


def _alive(reference: object, signal: Hashable) -> Receiver:
    """Return the receiver that a reference refers to. Raises DispatcherTypeError if it is dead or disconnected."""
    receiver = _referent(reference)
    if receiver is None:
        what = "connection whose receiver is dead or disconnected"
        if not isinstance(reference, Connection):
            what = "weak reference whose referent is dead"
        raise DispatcherTypeError(f"the receiver is a {what}", signal=signal)
    return receiver


def _check_signal(signal: object) -> None:
    if signal is None:
        raise DispatcherTypeError("None cannot be a signal; use Any for every signal")
    try:
        hash(signal)
    except TypeError as error:
        raise DispatcherTypeError(f"the signal {safe_repr(signal)} is not hashable", signal=signal) from error
