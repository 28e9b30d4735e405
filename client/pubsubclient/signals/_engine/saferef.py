"""Weak references to any callable, bound methods included, under PyDispatcher's names."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from typing import Any as Untyped

__all__ = ["BoundMethodWeakref", "SafeRef", "safeRef"]


class BoundMethodWeakref:
    """A weak reference to a bound method, by its instance and its function. Calling it gives the method, or None.

    Two are equal if they refer to the same function of the same instance, and stay so after its death.

    Args:
        target: The bound method.
        onDelete: Called once with this reference, when the instance or the function dies.

    Raises:
        TypeError: If the instance cannot be weakly referenced.
    """

    __slots__ = ("__weakref__", "deletionMethods", "funcName", "key", "selfName", "weakFunc", "weakSelf")

    def __init__(self, target: types.MethodType, onDelete: Callable[[Untyped], object] | None = None) -> None:  # noqa: N803
        self.key = self.calculateKey(target)
        self.deletionMethods = [] if onDelete is None else [onDelete]
        self.selfName = type(target.__self__).__name__
        self.funcName = str(getattr(target.__func__, "__name__", target.__func__))
        # The callback must not hold this object: like a weakref.ref, it may be dropped before its target.
        mine = weakref.ref(self)

        def remove(_: object) -> None:
            me = mine()
            if me is not None:
                me._deleted()  # noqa: SLF001 - its own

        self.weakSelf = weakref.ref(target.__self__, remove)
        self.weakFunc = weakref.ref(target.__func__, remove)

    @classmethod
    def calculateKey(cls, target: types.MethodType) -> tuple[int, int]:  # noqa: N802
        """The identities of a method's instance and function."""
        return id(target.__self__), id(target.__func__)

    def _deleted(self) -> None:
        methods, self.deletionMethods = self.deletionMethods, []
        for method in methods:
            method(self)

    def __call__(self) -> types.MethodType | None:
        instance, function = self.weakSelf(), self.weakFunc()
        return None if instance is None or function is None else types.MethodType(function, instance)

    def __bool__(self) -> bool:
        return self() is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundMethodWeakref):
            return NotImplemented
        # A key alone proves nothing: ids are used again. The references tell a dead method from its successor.
        return self is other or (
            self.key == other.key
            and self.weakSelf() is other.weakSelf() is not None
            and self.weakFunc() is other.weakFunc() is not None
        )

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}( {self.selfName}.{self.funcName} )"


#: What `safeRef` gives.
SafeRef = weakref.ReferenceType[Untyped] | BoundMethodWeakref


def safeRef(target: Callable[..., Untyped], onDelete: Callable[[Untyped], object] | None = None) -> SafeRef:  # noqa: N802, N803
    """A weak reference to a callable that is good for bound methods as well.

    Args:
        target: The callable.
        onDelete: Called with the reference when the target dies.

    Raises:
        TypeError: If the target cannot be weakly referenced.
    """
    if type(target) is types.MethodType:
        return BoundMethodWeakref(target, onDelete)
    return weakref.ref(target, onDelete)
