"""Callables of every kind. Each returns what it was given."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
import types
from collections import namedtuple
from typing import Any as Untyped
from unittest import mock

__all__ = [
    "CALLABLES",
    "Asked",
    "AsyncCalled",
    "Inherited",
    "Nested",
    "OfClass",
    "Owner",
    "Static",
    "Wrapper",
    "owner",
    "plain",
    "told",
]


def plain(x: int, y: int = 2) -> object:
    return "plain", x, y


def strict(x: int, /, y: int = 2, *, z: int = 3) -> object:
    return "strict", x, y, z


def generic(*args: object, **kw: object) -> object:
    return "generic", args, sorted(kw)


def names_first(x: int, *args: object, z: int = 0, **kw: object) -> object:
    return x, args, z, sorted(kw)


def told(function: Untyped, signature: Untyped) -> Untyped:
    function.__signature__ = signature
    return function


def another(function: Untyped) -> Untyped:
    return types.FunctionType(function.__code__, globals(), function.__name__)


class Owner:
    def method(self, x: int, y: int = 2) -> object:
        return "method", x, y

    @classmethod
    def of_class(cls, x: int) -> object:
        return "class", cls, x

    @staticmethod
    def static(x: int, z: int = 5) -> object:
        return "static", x, z

    @functools.lru_cache  # noqa: B019
    def cached(self, x: int, y: int = 2) -> object:
        return "cached", x, y

    @functools.cache  # noqa: B019
    def cached_kw(self, *, y: int) -> object:
        return "cached", y

    @staticmethod
    @functools.lru_cache
    def cached_static(x: int) -> object:
        return "cached static", x

    @classmethod
    @functools.lru_cache
    def cached_class(cls, x: int) -> object:
        return "cached class", x

    partial = functools.partialmethod(method, y=9)
    partial_by_position = functools.partialmethod(method, 8)
    partial_of_generic = functools.partialmethod(names_first, 8)
    of_partial = staticmethod(functools.partial(plain, y=7))
    described = told(lambda self, **kw: sorted(kw), inspect.signature(lambda self, x, y: None))


class Called:
    def __call__(self, y: int, x: int = 1) -> object:
        return "called", x, y


class Static:
    @staticmethod
    def __call__(x: int) -> object:
        return "static", x


class OfClass:
    @classmethod
    def __call__(cls, x: int) -> object:
        return "class", x


class Partial:
    def function(self, x: int, y: int) -> object:
        return "partial", x, y

    __call__ = functools.partialmethod(function, y=1)


class Cached:
    @functools.lru_cache  # noqa: B019
    def __call__(self, x: int) -> object:
        return "cached", x


class Nested:
    __call__ = Called()


class Inherited(Static):
    pass


class Asked:
    @property
    def __call__(self) -> Untyped:
        return lambda x: ("property", x)


class Wrapper:
    """A decorator that is a class."""

    def __init__(self, function: Untyped) -> None:
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, *args: object, **kw: object) -> object:
        return "wrapped", self.function(*args, **kw)


class Described:
    def __init__(self, signature: object) -> None:
        self.__signature__ = signature

    def __call__(self, **kw: object) -> object:
        return "described", sorted(kw)


class Made:
    def __init__(self, x: int, y: int = 3) -> None:
        self.made = x, y

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]


class New:
    def __new__(cls, x: int) -> Untyped:
        return "new", x


class Meta(type):
    def __call__(cls, y: int) -> object:
        return "meta", y


class OfMeta(metaclass=Meta):
    def __init__(self, x: int) -> None: ...


class AsyncCalled:
    """A class that is no async receiver: its instances are."""

    async def __call__(self) -> None: ...


@dataclasses.dataclass
class Data:
    x: int
    z: int = 3


Pair = namedtuple("Pair", "x y")
owner = Owner()

CALLABLES = {
    "function": plain,
    "strict": strict,
    "generic": generic,
    "names first": names_first,
    "lambda": lambda z=1, **kw: (z, sorted(kw)),
    "method": owner.method,
    "unbound method": Owner.method,
    "class method": owner.of_class,
    "static method": owner.static,
    "cached": functools.lru_cache(plain),
    "cached with size": functools.lru_cache(maxsize=3, typed=True)(strict),
    "cached lambda": functools.cache(lambda **kw: sorted(kw)),
    "cached method": owner.cached,
    "cached method by name": owner.cached_kw,
    "cached static method": owner.cached_static,
    "cached class method": owner.cached_class,
    "partial": functools.partial(plain, y=7),
    "partial by position": functools.partial(plain, 7),
    "partial of the first": functools.partial(plain, x=7),
    "partial of strict": functools.partial(strict, 1, z=9),
    "partial of generic": functools.partial(names_first, 1, z=9, w=8),
    "partial of a partial": functools.partial(functools.partial(plain, 1), y=2),
    "partial of a method": functools.partial(owner.method, y=5),
    "partial of a class": functools.partial(Made, y=5),
    "partial of a cached": functools.partial(functools.lru_cache(plain), y=5),
    "partial of an instance": functools.partial(Static(), x=5),
    "partial of a described": functools.partial(told(another(generic), inspect.signature(plain)), y=4),
    "partial of a builtin": functools.partial(int, base=10),
    "partial method": owner.partial,
    "partial method by position": owner.partial_by_position,
    "partial method of generic": owner.partial_of_generic,
    "partial method of the class": Owner.partial,
    "partial in a class": owner.of_partial,
    "method of a partial": types.MethodType(functools.partial(plain), 4),
    "method of a cached": types.MethodType(functools.lru_cache(plain), 4),
    "method of a builtin": types.MethodType(max, 4),
    "called": Called(),
    "static call, inherited": Inherited() if inspect.signature(Static()).parameters else Called(),
    "partial call": Partial(),
    "nested call": Nested() if inspect.signature(Nested()).parameters.keys() == {"x", "y"} else Called(),
    "cached call": Cached(),
    "wrapper": Wrapper(plain),
    "wrapper of strict": Wrapper(strict),
    "wrapper of cached": Wrapper(functools.lru_cache(plain)),
    "cached wrapper": functools.lru_cache(Wrapper(plain)),
    "described function": told(another(generic), inspect.signature(lambda x, z: None)),
    "function described as taking less": told(another(plain), inspect.signature(lambda x: None)),
    "described method": owner.described,
    "described object": Described(inspect.signature(lambda x, z: None)),
    "mock": mock.Mock(return_value=1),
    "magic mock": mock.MagicMock(return_value=2),
    "mock with the spec of a class": mock.Mock(spec=Owner, return_value=3),
    "mock with the spec of an instance": mock.Mock(spec=Called(), return_value=3),
    "mock with the spec of a method": mock.MagicMock(spec=owner.method, return_value=3),
    "autospec of a function": mock.create_autospec(plain, return_value=4),
    "autospec of a strict function": mock.create_autospec(strict, return_value=4),
    "autospec of a class": mock.create_autospec(Made, return_value=5),
    "autospec of an instance": mock.create_autospec(Called(), return_value=6),
    "autospec's method": mock.create_autospec(Owner, instance=True).method,
    "autospec's static method": mock.create_autospec(Owner, instance=True).static,
    "class": Made,
    "class with new": New,
    "class of a metaclass": OfMeta,
    "data class": Data,
    "named tuple": Pair,
    "simple namespace": types.SimpleNamespace,
    "exception": ValueError,
    "builtin": divmod,
    "builtin with names": sorted,
    "builtin class": complex,
    "builtin method": "a-b".split,
    "method wrapper": (5).__add__,
    "item getter": operator.itemgetter(0),
    "method caller": operator.methodcaller("upper"),
}
