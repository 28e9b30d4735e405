"""Weak references to any callable, bound methods included, under PyDispatcher's names."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from typing import Any as Untyped

__all__ = ["BoundMethodWeakref", "SafeRef", "safeRef"]


class BoundMethodWeakref:
    """A weak reference to a bound method, by its instance and its function. Calling it returns the method, or None.

    Two references are equal if they refer to the same function of the same instance while both are alive.

    Args:
        target: the bound method
        onDelete: called once with this reference, when the instance or the function dies

    Raises:
        TypeError: the instance cannot be referenced weakly
    """

    __slots__ = ("__weakref__", "deletionMethods", "funcName", "key", "selfName", "weakFunc", "weakSelf")

    def __init__(self, target: types.MethodType, onDelete: Callable[[Untyped], object] | None = None) -> None:  # noqa: N803
        self.key = self.calculateKey(target)
        self.deletionMethods = [] if onDelete is None else [onDelete]
        self.selfName = type(target.__self__).__name__
        self.funcName = str(getattr(target.__func__, "__name__", target.__func__))
        # The callback must not keep this object alive: like a weakref.ref, it may be dropped before its target dies.
        self_ref = weakref.ref(self)

        def remove(_: object) -> None:
            reference = self_ref()
            if reference is not None:
                reference._target_died()  # noqa: SLF001 - its own class

        self.weakSelf = weakref.ref(target.__self__, remove)
        self.weakFunc = weakref.ref(target.__func__, remove)

    @classmethod
    def calculateKey(cls, target: types.MethodType) -> tuple[int, int]:  # noqa: N802
        """Return the identities of a method's instance and function."""
        return id(target.__self__), id(target.__func__)

    def _target_died(self) -> None:
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
        # Equal keys are not enough, because ids are reused. The weak references tell a dead method from a later one.
        return self is other or (
            self.key == other.key
            and self.weakSelf() is other.weakSelf() is not None
            and self.weakFunc() is other.weakFunc() is not None
        )

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}( {self.selfName}.{self.funcName} )"


#: The types that `safeRef` returns.
SafeRef = weakref.ReferenceType[Untyped] | BoundMethodWeakref


def safeRef(target: Callable[..., Untyped], onDelete: Callable[[Untyped], object] | None = None) -> SafeRef:  # noqa: N802, N803
    """Return a weak reference to a callable, which also works for bound methods.

    Args:
        target: the callable
        onDelete: called with the reference when the target dies

    Raises:
        TypeError: the target cannot be referenced weakly
    """
    if type(target) is types.MethodType:
        return BoundMethodWeakref(target, onDelete)
    return weakref.ref(target, onDelete)
