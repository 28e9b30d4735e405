"""Which arguments a callable takes: the knowledge that decides what a send passes to it and what it drops."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any as Untyped

__all__ = ["SENDING", "Shape", "shape_of"]


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
    #: Whether it has only been told so: the code may not take by position what it takes by name.
    is_told: bool = False
    #: Whether it sends the named arguments on as a signal's own: then `signal` and `sender` are none of them.
    sends_on: bool = False
    #: Whether it takes the sender, before the arguments given by position.
    sender_first: bool = False

    @functools.cached_property
    def by_name(self) -> tuple[str, ...]:
        """The names it takes by name, in the order of its parameters."""
        return (*self.positional[self.positional_only :], *self.keyword_only)

    def select(self, named: Mapping[str, object]) -> Mapping[str, object]:
        """The part of the named arguments that a call may pass.

        A name that an argument given by position takes as well is left in: Python's own error names it best.
        """
        if self.takes_any_name:
            if not self.sends_on:
                return named
            return {name: value for name, value in named.items() if name not in ("signal", "sender")}
        return {name: named[name] for name in self.by_name if name in named}

    def leading(self, named: Mapping[str, object]) -> tuple[object, ...]:
        """What a call passes before the arguments given by position."""
        return (named["sender"],) if self.sender_first and "sender" in named else ()


#: {function: shape} of the methods of Signal that send. Connected to another signal, they send its signals on.
SENDING: dict[Callable[..., Untyped], Shape] = {}


def shape_of(receiver: Callable[..., Untyped]) -> Shape:
    """Find out what a callable takes: what ``inspect.signature`` tells, but of what is called itself.

    A wrapper made with ``functools.wraps`` is taken for what it is, not for what it wraps: it may pass on other
    arguments than it gets. Only an object that itself takes any name, or does not tell, is taken for what it wraps
    (``functools.lru_cache``). An explicit ``__signature__`` is believed. A callable that does not tell at all (some
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
        return _told(receiver) or Shape()
    return _marked(receiver, _of_instance(receiver))


# -- functions -----------------------------------------------------------------------------------------------------

#: What ``inspect.markcoroutinefunction`` sets; Python before 3.12 has none.
_MARKS = tuple(vars(mark(lambda: None)).items()) if (mark := getattr(inspect, "markcoroutinefunction", None)) else ()

#: What a function may have that tells other arguments than its code does, or that it gives a coroutine.
_TELLING = ("__signature__", "__partialmethod__", "_partialmethod", "_is_coroutine", *dict(_MARKS))


def _of_function(function: types.FunctionType, bound: int) -> Shape:
    """The shape of a function without as many parameters as are bound, 0 or 1."""
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
    for name in _TELLING:  # not in the function's `__dict__`, which asking for makes
        if hasattr(function, name):
            break
    else:
        return shape
    made_for = getattr(function, "__partialmethod__", None) or getattr(function, "_partialmethod", None)
    is_async = shape.is_async if made_for is None else shape_of(made_for.func).is_async
    if (told := _told(function, is_async=is_async)) is not None:
        shape = _without_first(told) if bound else told
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


# -- what calls another --------------------------------------------------------------------------------------------


def _of_method(function: Callable[..., Untyped]) -> Shape:
    if type(function) is types.FunctionType:
        return SENDING.get(function) or _of_function(function, 1)
    return _without_first(shape_of(function))


def _without_first(shape: Shape) -> Shape:
    """What is left when an instance has been bound to the first parameter."""
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
    # From the first one on that has been given by name, parameters can be given by name only.
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
    explicit = _ask(receiver, "__signature__") is not None
    if own is None or explicit or (own.takes_any_name and _ask(receiver, "__wrapped__") is not None):
        return _told(receiver, is_async=own is not None and own.is_async) or own or Shape()
    return own


def _of_entry(receiver: object) -> Shape | None:
    """The shape of what runs when an instance is called, or None if that is written in C."""
    call = next((vars(each)["__call__"] for each in type(receiver).__mro__ if "__call__" in vars(each)), None)
    if type(call) is types.FunctionType:
        return _of_method(call)
    if call is None or type(call) is types.WrapperDescriptorType:
        return None
    # A static method, a partial method, another callable …: as Python looks it up.
    bind = getattr(type(call), "__get__", None)
    return shape_of(call if bind is None else bind(call, receiver, type(receiver)))


def _told(receiver: Callable[..., Untyped], *, is_async: bool = False) -> Shape | None:
    """What ``inspect.signature`` tells, or None if it tells nothing."""
    own = None
    for follow in (False, True):
        # It raises not only its ValueError and TypeError: it asks the receiver for attributes, which may do anything.
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
        is_told=True,
    )


# -- what gives coroutines -----------------------------------------------------------------------------------------


def _marked(receiver: object, shape: Shape) -> Shape:
    """The shape, async if the receiver is marked to give coroutines although its code does not show it."""
    if shape.is_async or not any(_ask(receiver, name) is marker for name, marker in _markers()):
        return shape
    return replace(shape, is_async=True)


def _markers() -> Iterator[tuple[str, object]]:
    """What ``inspect.markcoroutinefunction`` sets, and what ``AsyncMock`` and programs older than that set."""
    yield from _MARKS
    # Who has set it has imported asyncio.
    if (marker := getattr(sys.modules.get("asyncio.coroutines"), "_is_coroutine", None)) is not None:
        yield "_is_coroutine", marker


def _ask(receiver: object, name: str) -> object:
    """An attribute, or None. A receiver may answer anything, and raise anything."""
    try:
        return getattr(receiver, name, None)
    except Exception:  # noqa: BLE001 - see above
        return None
