"""`Link`: one connection in the tables, with the reference to its receiver.

Receivers are compared by identity, and bound methods by the identities of instance and function, because every access
creates a new method object. Equality (``==``) is not used, because a receiver may define it in any way.
"""

from __future__ import annotations

import functools
import itertools
import types
import weakref
from collections.abc import Callable, Hashable
from typing import Any as Untyped
from typing import Protocol

from pubsubclient.signals._engine.origin import describe
from pubsubclient.signals._engine.signature import Receiver, Shape, shape_of
from pubsubclient.signals.errors import DispatcherTypeError

__all__ = ["Link", "Owner", "Table", "key_of", "key_of_uid"]

_BUILTIN_METHODS = (types.BuiltinMethodType, types.MethodWrapperType)

#: Numbers links in the order of connecting. `next` on it is atomic.
_sequence = itertools.count()


def key_of(receiver: Receiver) -> Hashable:
    """Return the identity of a receiver, valid while the receiver lives."""
    if type(receiver) is types.MethodType:
        return id(receiver.__self__), id(receiver.__func__)
    owner = _owner(receiver)
    return id(receiver) if owner is None else (id(owner), receiver.__name__)


def key_of_uid(uid: Hashable) -> Hashable:
    """Return the key of a connection with a ``dispatch_uid``. It differs from all keys of receivers, which contain ids."""
    return "uid", uid


def _owner(receiver: object) -> object:
    """Return the instance of a method written in C (the deque of ``deque().append``), else None."""
    if type(receiver) not in _BUILTIN_METHODS:
        return None
    owner = receiver.__self__  # type: ignore[attr-defined]
    return None if issubclass(type(owner), types.ModuleType) else owner


def _nothing() -> None:
    """Stands for the weak reference in a link that has ended: the receiver is gone."""


class Link:
    """One receiver connected to one signal of one sender.

    Args:
        receiver: the callable
        signal: the signal that it is connected to
        table: the table of the sender that it is connected to
        weak: whether to refer to the receiver weakly
        uid: replaces the receiver's identity in the link's key
        once: whether the first send that reaches the receiver ends the link
        priority: receivers with a higher priority are called first

    Raises:
        DispatcherTypeError: `weak` is true, but the receiver's type cannot be referenced weakly
    """

    __slots__ = (
        "code",
        "func",
        "key",
        "live",
        "lookups_before",
        "once",
        "priority",
        "ref",
        "sequence",
        "shape",
        "signal",
        "table",
        "weak",
    )  # fmt: skip

    def __init__(
        self,
        receiver: Receiver,
        signal: Hashable,
        table: Table,
        *,
        weak: bool,
        uid: Hashable,
        once: bool,
        priority: int,
    ) -> None:
        self.key: Hashable = key_of(receiver) if uid is None else key_of_uid(uid)
        self.signal = signal
        self.table = table
        self.weak = weak
        self.once = once
        self.priority = priority
        self.sequence = next(_sequence)
        self.shape: Shape = shape_of(receiver)
        #: The registry's count of look-ups when the link was made.
        self.lookups_before = table.registry.lookups
        #: The code of a weakly connected function, for the warning about its early death.
        self.code = receiver.__code__ if weak and type(receiver) is types.FunctionType else None
        #: The caller that manages to delete this attribute ends the link; see `claim`.
        self.live = True
        #: The receiver, or if weak: a weak reference to it or to a method's instance, or a `_BuiltinMethod`.
        self.ref: Untyped = receiver
        #: The weak reference to a method's function; None if the receiver is no method, or is not weak.
        self.func: Callable[[], Untyped] | None = None
        if weak:
            self._refer_weakly(receiver)

    def _refer_weakly(self, receiver: Receiver) -> None:
        # Callback, link and weak reference form a reference cycle, which `claim` breaks. A subclass of weakref.ref could
        # avoid the cycle, but calling it takes half as long again.
        try:
            if type(receiver) is types.MethodType:
                self.ref = weakref.ref(receiver.__self__, self._died)
                self.func = weakref.ref(receiver.__func__, self._died)
            elif (owner := _owner(receiver)) is not None:
                self.ref = _BuiltinMethod(weakref.ref(owner, self._died), receiver.__name__)
            else:
                self.ref = weakref.ref(receiver, self._died)
        except TypeError as error:
            self.claim()
            raise DispatcherTypeError(
                f"{describe(receiver)} cannot be referenced weakly: connect it with weak=False",
                signal=self.signal,
                receiver=describe(receiver),
            ) from error

    def _died(self, _: object) -> None:
        self.table.registry.receiver_died(self)

    def resolve(self) -> Receiver | None:
        """Return the receiver, or None if it is dead or the link has ended."""
        target = self.ref() if self.weak else self.ref
        if self.func is None or target is None:
            return target  # type: ignore[no-any-return]
        function = self.func()
        return None if function is None else types.MethodType(function, target)

    def consume(self) -> Receiver | None:
        """End a link made with ``once`` and return its receiver; None for all callers but the first."""
        receiver = self.resolve()
        if receiver is None or not self.table.registry.remove(self):
            return None
        return receiver

    def claim(self) -> bool:
        """End this link. Return True for the first caller, and False for all others."""
        try:
            # Deleting a slot is atomic: one of two threads gets the AttributeError.
            del self.live
        except AttributeError:
            return False
        self.ref = _nothing if self.weak else None
        if self.func is not None:
            self.func = _nothing
        return True

    @property
    def connected(self) -> bool:
        """Whether the link has not ended yet."""
        return hasattr(self, "live")


class _BuiltinMethod:
    """A weak reference to a method written in C, by its instance and its name."""

    __slots__ = ("instance", "name")

    def __init__(self, instance: Callable[[], object], name: str) -> None:
        self.instance = instance
        self.name = name

    def __call__(self) -> Receiver | None:
        instance = self.instance()
        return None if instance is None else getattr(instance, self.name)


class Owner(Protocol):
    """The registry, as its tables and links see it."""

    #: Counts the look-ups of routes.
    lookups: int

    def remove(self, link: Link) -> bool:
        """Remove a link. Return whether this call ended it."""

    def receiver_died(self, link: Link) -> None:
        """Remove the link of a receiver that has died."""

    def sender_died(self, sender_id: int, reference: object = None, /) -> None:
        """Remove the table of a sender that has died."""


class Table:
    """The links of one sender.

    The table refers to its sender weakly. A sender that cannot be referenced weakly (an ``object()``, a dict, a string)
    is kept alive by its table: otherwise its id could be reused, and another object's sends would reach its receivers.
    """

    __slots__ = ("cells", "is_weak", "registry", "routes", "sender", "sender_id")

    def __init__(self, registry: Owner, sender: object) -> None:
        self.registry = registry
        self.sender_id = id(sender)
        #: {signal: {key of receiver: link}}
        self.cells: dict[Hashable, dict[Hashable, Link]] = {}
        #: {signal: route}, a cache. The key `(EXACT, signal)` has the route of `send_exact`. Untyped, because a route is
        #: made of links.
        self.routes: dict[Hashable, Untyped] = {}
        self.sender: Callable[[], object]
        try:
            # The callback refers to no table, so there is no reference cycle: a dropped table frees its weak reference.
            self.sender = weakref.ref(sender, functools.partial(registry.sender_died, self.sender_id))
            self.is_weak = True
        except TypeError:
            self.is_weak = False
            self.sender = functools.partial(_identity, sender)


def _identity(value: object) -> object:
    return value
