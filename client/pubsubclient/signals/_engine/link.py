"""One connection as the tables hold it: how its receiver is referred to, and the claim that ends it once.

A receiver is known by identity, a bound method by the identities of its instance and its function: a method object
is made anew at every access, and ``==`` is the receiver's own and may mean anything.
"""

from __future__ import annotations

import itertools
import types
import weakref
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING
from typing import Any as Untyped

from pubsubclient.signals._engine.origin import describe
from pubsubclient.signals._engine.signature import Shape, shape_of
from pubsubclient.signals.errors import DispatcherTypeError

if TYPE_CHECKING:
    from pubsubclient.signals._engine.registry import Table

__all__ = ["Link", "Receiver", "key_of", "key_of_uid"]

Receiver = Callable[..., Untyped]

_BUILTIN_METHODS = (types.BuiltinMethodType, types.MethodWrapperType)

#: Orders connections. `next` on it is atomic.
_sequence = itertools.count()


def key_of(receiver: Receiver) -> Hashable:
    """The identity of a receiver, valid while the receiver lives."""
    if type(receiver) is types.MethodType:
        return id(receiver.__self__), id(receiver.__func__)
    owner = _owner(receiver)
    return id(receiver) if owner is None else (id(owner), receiver.__name__)


def key_of_uid(uid: Hashable) -> Hashable:
    """The key of a connection that was given a ``dispatch_uid``: no receiver's own key begins with text."""
    return "uid", uid


def _owner(receiver: object) -> object:
    """The instance a method written in C is made from, anew at every access: the deque of ``deque().append``."""
    if type(receiver) not in _BUILTIN_METHODS:
        return None
    owner = receiver.__self__  # type: ignore[attr-defined]
    return None if issubclass(type(owner), types.ModuleType) else owner


def _nothing() -> None:
    """The reference of a link that has ended."""


class Link:
    """One receiver connected to one signal of one sender.

    Args:
        receiver: The callable.
        signal, table: What it is connected to.
        weak: Whether to refer to it weakly.
        uid: Replaces the receiver's identity as its key.
        once: Whether the first send that reaches it ends it.
        priority: Higher ones are called first.

    Raises:
        DispatcherTypeError: If it is to be weak and its kind cannot be referred to weakly.
    """

    __slots__ = (
        "born",
        "code",
        "func",
        "key",
        "live",
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
        #: How often the registry had been asked when it was made.
        self.born = table.registry.asked
        #: The code of a function, for the warning about its early death.
        self.code = receiver.__code__ if weak and type(receiver) is types.FunctionType else None
        #: Deleted by the one who ends the connection.
        self.live = True
        #: The receiver; or a weak reference to it, to a method's instance, or a maker of a builtin method.
        self.ref: Untyped = receiver
        #: The weak reference to a method's function.
        self.func: Callable[[], Untyped] | None = None
        if weak:
            self._refer_weakly(receiver)

    def _refer_weakly(self, receiver: Receiver) -> None:
        # The callback refers to the link, and the link to the reference: `claim` opens this circle. A reference of a
        # class of our own could name the link instead, but calling one takes half as long again.
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
            message = f"{describe(receiver)} cannot be referenced weakly: connect it with weak=False"
            raise DispatcherTypeError(message, signal=self.signal, receiver=describe(receiver)) from error

    def _died(self, _: object) -> None:
        self.table.registry.lost(self)

    def resolve(self) -> Receiver | None:
        """The receiver, or None if it is dead or the link has ended."""
        target = self.ref() if self.weak else self.ref
        if self.func is None or target is None:
            return target  # type: ignore[no-any-return]
        function = self.func()
        return None if function is None else types.MethodType(function, target)

    def take(self) -> Receiver | None:
        """End the connection and give its receiver, to one caller only: what ``once`` means."""
        receiver = self.resolve()
        if receiver is None or not self.table.registry.remove(self):
            return None
        return receiver

    def claim(self) -> bool:
        """Be the one who ends this link. True for one caller, ever."""
        try:
            # Deleting a slot is one step of the interpreter: of two threads one gets the AttributeError.
            del self.live
        except AttributeError:
            return False
        self.ref = _nothing if self.weak else None
        if self.func is not None:
            self.func = _nothing
        return True

    @property
    def connected(self) -> bool:
        """Whether nobody has ended it yet."""
        return hasattr(self, "live")


class _BuiltinMethod:
    """Refers weakly to a method written in C, by its instance and its name."""

    __slots__ = ("instance", "name")

    def __init__(self, instance: Callable[[], object], name: str) -> None:
        self.instance = instance
        self.name = name

    def __call__(self) -> Receiver | None:
        instance = self.instance()
        return None if instance is None else getattr(instance, self.name)
