"""Which arguments a callable takes: the knowledge that decides what a send passes to it and what it drops."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any as Untyped

__all__ = ["Shape", "shape_of"]


@dataclass(frozen=True)
class Shape:
    """What one kind of callable takes. Equal for all callables with the same parameters, so it can be a cache key."""

    #: Names that can be filled by position, in order, without a bound ``self``.
    positional: tuple[str, ...] = ()
    #: How many of `positional`, from the left, cannot be given by name.
    positional_only: int = 0
    #: Names that can only be given by name.
    keyword_only: tuple[str, ...] = ()
    #: Whether it takes any name (``**kw``).
    takes_any_name: bool = False
    #: Whether calling it gives a coroutine.
    is_async: bool = False
    #: Names without which a call fails, also those that are positional only.
    required: tuple[str, ...] = ()

    @functools.cached_property
    def by_name(self) -> tuple[str, ...]:
        """The names it takes by name, in the order of its parameters."""
        return (*self.positional[self.positional_only :], *self.keyword_only)

    def select(self, named: Mapping[str, object]) -> Mapping[str, object]:
        """The part of the named arguments that a call may pass.

        A name that an argument given by position takes as well is left in: Python's own error names it best.
        """
        if self.takes_any_name:
            return named
        return {name: named[name] for name in self.by_name if name in named}


def shape_of(receiver: Callable[..., Untyped]) -> Shape:
    """Find out what a callable takes.

    A wrapper made with ``functools.wraps`` is taken for what it is, not for what it wraps: it may pass on other
    arguments than it gets. A callable that does not tell (some builtins) takes arguments by position only.
    """
    if isinstance(receiver, types.FunctionType):
        return _shape_of_function(receiver, 0)
    if isinstance(receiver, types.MethodType):
        if isinstance(receiver.__func__, types.FunctionType):
            return _shape_of_function(receiver.__func__, 1)
    elif not isinstance(receiver, (type, functools.partial)):
        call = getattr(type(receiver), "__call__", None)  # noqa: B004 - the function is wanted, not a yes or no
        if isinstance(call, types.FunctionType):
            return _shape_of_function(call, 1)
    return _shape_by_signature(receiver)


def _shape_of_function(function: types.FunctionType, bound: int) -> Shape:
    code = function.__code__
    return _shape_of_code(
        code.co_varnames[: code.co_argcount + code.co_kwonlyargcount],
        code.co_argcount,
        max(code.co_posonlyargcount, 0),
        bound,
        code.co_flags,
        len(function.__defaults__ or ()),
        frozenset(function.__kwdefaults__ or ()),
    )


@functools.lru_cache(maxsize=1024)
def _shape_of_code(
    names: tuple[str, ...],
    argcount: int,
    positional_only: int,
    bound: int,
    flags: int,
    defaults: int,
    keyword_defaults: frozenset[str],
) -> Shape:
    keyword_only = names[argcount:]
    return Shape(
        positional=names[bound:argcount],
        positional_only=max(positional_only - bound, 0),
        keyword_only=keyword_only,
        takes_any_name=bool(flags & inspect.CO_VARKEYWORDS),
        is_async=bool(flags & (inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE)),
        required=(
            *names[bound : max(argcount - defaults, bound)],
            *(name for name in keyword_only if name not in keyword_defaults),
        ),
    )


def _shape_by_signature(receiver: Callable[..., Untyped]) -> Shape:
    is_async = _gives_coroutine(receiver)
    try:
        parameters = inspect.signature(receiver, follow_wrapped=False).parameters.values()
    except (ValueError, TypeError):
        return Shape(is_async=is_async)
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return Shape(
        positional=tuple(p.name for p in parameters if p.kind in by_position),
        positional_only=sum(p.kind is inspect.Parameter.POSITIONAL_ONLY for p in parameters),
        keyword_only=tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY),
        takes_any_name=any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters),
        is_async=is_async,
        required=tuple(p.name for p in parameters if p.default is p.empty and p.kind not in variable),
    )


def _gives_coroutine(receiver: object) -> bool:
    while isinstance(receiver, functools.partial):
        receiver = receiver.func
    return inspect.iscoroutinefunction(receiver) or inspect.iscoroutinefunction(getattr(receiver, "__call__", None))  # noqa: B004
