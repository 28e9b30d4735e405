"""Finds out which arguments a callable takes, which decides what a send passes to it and what it drops."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any as Untyped

__all__ = ["SENDING", "Receiver", "Shape", "shape_of"]

#: Any callable that can be connected to a signal.
Receiver = Callable[..., Untyped]


@dataclass(frozen=True)
class Shape:
    """The parameters of a callable. Shapes with the same parameters are equal, so a shape can be a cache key."""

    #: The parameters that can be given by position, in order, without a bound ``self``.
    positional: tuple[str, ...] = ()
    #: How many of `positional`, from the left, cannot also be given by name.
    positional_only: int = 0
    #: The parameters that can only be given by name.
    keyword_only: tuple[str, ...] = ()
    #: Whether the callable takes any name (``**kw``).
    takes_any_name: bool = False
    #: Whether a call returns a coroutine.
    is_async: bool = False
    #: The parameters without a default, also positional-only ones.
    required: tuple[str, ...] = ()
    #: Whether the parameters are only declared (by a signature, say), so that the code may not accept them by position.
    is_declared: bool = False
    #: Whether the callable sends another signal with the named arguments; `signal` and `sender` are then left out.
    forwards: bool = False
    #: Whether the callable takes the sender as its first argument.
    sender_first: bool = False

    @functools.cached_property
    def by_name(self) -> tuple[str, ...]:
        """The parameters that can be given by name, in their order."""
        return (*self.positional[self.positional_only :], *self.keyword_only)

    def select(self, named: Mapping[str, object]) -> Mapping[str, object]:
        """Return those of the named arguments that a call may pass.

        A parameter that is also given by position is included: Python's own error then names it.
        """
        if self.takes_any_name:
            if not self.forwards:
                return named
            return {name: value for name, value in named.items() if name not in ("signal", "sender")}
        return {name: named[name] for name in self.by_name if name in named}

    def leading(self, named: Mapping[str, object]) -> tuple[object, ...]:
        """Return the arguments that a call passes before those given by position."""
        return (named["sender"],) if self.sender_first and "sender" in named else ()


#: {function: shape} of the methods of `Signal` that send. Connected to another signal, they forward it.
SENDING: dict[Callable[..., Untyped], Shape] = {}


def shape_of(receiver: Callable[..., Untyped]) -> Shape:
    """Return the shape of a callable: the parameters of ``inspect.signature``, but without following wrappers.

    A function made with ``functools.wraps`` has its own shape, not that of the function it wraps, because it may pass on
    other arguments than it gets. Only an object that takes any name itself, or has no signature, has the shape of what it
    wraps (``functools.lru_cache``). An explicit ``__signature__`` overrides the code. A callable without any signature (some
    builtins) takes arguments by position only.
    """
    kind = type(receiver)  # not `isinstance`, see `innermost`
    if kind is types.FunctionType:
        return _of_function(receiver, 0)  # type: ignore[arg-type]
    if kind is types.MethodType:
        return _of_method(receiver.__func__)  # type: ignore[attr-defined]
    if issubclass(kind, functools.partial):
        return _marked(receiver, _of_partial(receiver))  # type: ignore[arg-type]
    if issubclass(kind, type):
        return _declared(receiver) or Shape()
    return _marked(receiver, _of_instance(receiver))


# -- functions -------------------------------------------------------------------------------------------------------

#: The attributes that ``inspect.markcoroutinefunction`` sets; empty before Python 3.12, which added it.
_MARKS = tuple(vars(mark(lambda: None)).items()) if (mark := getattr(inspect, "markcoroutinefunction", None)) else ()

#: Attributes by which a function declares other parameters than its code has, or that it returns a coroutine.
_DECLARING_ATTRIBUTES = ("__signature__", "__partialmethod__", "_partialmethod", "_is_coroutine", *dict(_MARKS))


def _of_function(function: types.FunctionType, bound: int) -> Shape:
    """Return the shape of a function without its first `bound` parameters, 0 or 1."""
    code = function.__code__
    shape = _of_code(
        code.co_varnames[: code.co_argcount + code.co_kwonlyargcount],
        code.co_argcount,
        max(code.co_posonlyargcount, 0),
        bound,
        code.co_flags,
        len(function.__defaults__ or ()),
        frozenset(function.__kwdefaults__ or ()),
    )
    for name in _DECLARING_ATTRIBUTES:  # `hasattr`, because reading `__dict__` would create it
        if hasattr(function, name):
            break
    else:
        return shape
    made_for = getattr(function, "__partialmethod__", None) or getattr(function, "_partialmethod", None)
    is_async = shape.is_async if made_for is None else shape_of(made_for.func).is_async
    if (declared := _declared(function, is_async=is_async)) is not None:
        shape = _without_first(declared) if bound else declared
    return _marked(function, shape)


@functools.lru_cache(maxsize=1024)
def _of_code(
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


# -- callables that call another one ---------------------------------------------------------------------------------


def _of_method(function: Callable[..., Untyped]) -> Shape:
    if type(function) is types.FunctionType:
        return SENDING.get(function) or _of_function(function, 1)
    return _without_first(shape_of(function))


def _without_first(shape: Shape) -> Shape:
    """Return the shape without its first parameter, to which an instance is bound."""
    first = shape.positional[:1]
    return replace(
        shape,
        positional=shape.positional[1:],
        positional_only=max(shape.positional_only - 1, 0),
        required=tuple(name for name in shape.required if name not in first),
    )


def _of_partial(partial: functools.partial[Untyped]) -> Shape:
    shape, named = shape_of(partial.func), partial.keywords
    given, positional = shape.positional[: len(partial.args)], shape.positional[len(partial.args) :]
    positional_only = max(shape.positional_only - len(given), 0)
    # After the first parameter that the partial gives by name, parameters can be given by name only.
    by_name = (index for index, name in enumerate(positional) if index >= positional_only and name in named)
    end = next(by_name, len(positional))
    return replace(
        shape,
        positional=positional[:end],
        positional_only=positional_only,
        keyword_only=(*positional[end:], *shape.keyword_only),
        sender_first=shape.sender_first and not partial.args,
        required=tuple(name for name in shape.required if name not in given and name not in named),
    )


def _of_instance(receiver: Callable[..., Untyped]) -> Shape:
    own = _of_entry(receiver)
    explicit = _attribute(receiver, "__signature__") is not None
    if own is None or explicit or (own.takes_any_name and _attribute(receiver, "__wrapped__") is not None):
        return _declared(receiver, is_async=own is not None and own.is_async) or own or Shape()
    return own


def _of_entry(receiver: object) -> Shape | None:
    """Return the shape of an instance's ``__call__``, or None if that is written in C."""
    call = next((vars(each)["__call__"] for each in type(receiver).__mro__ if "__call__" in vars(each)), None)
    if type(call) is types.FunctionType:
        return _of_method(call)
    if call is None or type(call) is types.WrapperDescriptorType:
        return None
    # A static method, a partial method or another callable: bind it as Python does.
    bind = getattr(type(call), "__get__", None)
    return shape_of(call if bind is None else bind(call, receiver, type(receiver)))


def _declared(receiver: Callable[..., Untyped], *, is_async: bool = False) -> Shape | None:
    """Return the shape of ``inspect.signature``, or None if the receiver has no signature."""
    own = None
    for follow in (False, True):
        # Besides ValueError and TypeError it raises whatever the receiver's own attributes raise.
        with contextlib.suppress(Exception):
            own = _of_signature(inspect.signature(receiver, follow_wrapped=follow), is_async=is_async)
        if type(receiver) is types.FunctionType or (own is not None and not own.takes_any_name):
            break
    return own


def _of_signature(signature: inspect.Signature, *, is_async: bool) -> Shape:
    parameters = signature.parameters.values()
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return Shape(
        positional=tuple(p.name for p in parameters if p.kind in by_position),
        positional_only=sum(p.kind is inspect.Parameter.POSITIONAL_ONLY for p in parameters),
        keyword_only=tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY),
        takes_any_name=any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters),
        is_async=is_async,
        required=tuple(p.name for p in parameters if p.default is p.empty and p.kind not in variable),
        is_declared=True,
    )


# -- callables marked as async ---------------------------------------------------------------------------------------


def _marked(receiver: object, shape: Shape) -> Shape:
    """Return the shape, as async if the receiver is marked as a coroutine function."""
    if shape.is_async or not any(_attribute(receiver, name) is marker for name, marker in _markers()):
        return shape
    return replace(shape, is_async=True)


def _markers() -> Iterator[tuple[str, object]]:
    """Yield the attributes that mark coroutine functions: of ``inspect.markcoroutinefunction``, and asyncio's older one."""
    yield from _MARKS
    # Not imported here: code that set the older marker has imported asyncio.
    if (marker := getattr(sys.modules.get("asyncio.coroutines"), "_is_coroutine", None)) is not None:
        yield "_is_coroutine", marker


def _attribute(receiver: object, name: str) -> object:
    """Return an attribute, or None if the receiver lacks it or raises any error."""
    try:
        return getattr(receiver, name, None)
    except Exception:  # noqa: BLE001 - a receiver's attributes may run any code
        return None
