"""Signals as objects, typed by the arguments they are sent with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any as Untyped
from typing import Generic, ParamSpec, TypeVar, overload

from pubsubclient.signals import declaring
from pubsubclient.signals._engine import send as delivery
from pubsubclient.signals._engine.capture import Captured, Tap
from pubsubclient.signals._engine.send import REGISTRY, deliver
from pubsubclient.signals._engine.signature import SENDING, Shape
from pubsubclient.signals._engine.source import Mode
from pubsubclient.signals.connection import Connection, disconnect, make
from pubsubclient.signals.explain import Explanation, explain
from pubsubclient.signals.placed import Unique, defining_module, global_name
from pubsubclient.signals.wildcard import Anonymous, Any

__all__ = ["Signal"]

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Untyped])


class Signal(Unique, Generic[P, R]):
    """A signal with a signature. ``P`` is what it is sent with, ``R`` what its receivers return.

    ::

        @Signal
        def order_paid(order_id: str, amount: int) -> None:
            "An order has been paid for."

        order_paid.send(shop, order_id="A7", amount=300)    # a type checker knows the arguments

    Receivers need not take all of the arguments: each is passed those it has a name for. A signal object is a signal
    like any other: the functions of the dispatcher take it, and receivers connected to `Any` signal hear it.

    A signal is known by identity. Copies are the signal itself, and so are pickles of one that has a name in its module;
    others are refused. Calling a signal is `emit`. A signal connected to another one hears it, and sends on what it hears:
    ``paid.connect(audited.send)`` from the same sender, ``paid.connect(audited)`` from no sender in particular.

    Args:
        prototype: A function that shows the arguments. It is never called. Its name and docstring become the
            signal's.
        name: For a signal without a prototype: ``Signal[[int], None](name="resized")``.

    Raises:
        TypeError: If the prototype has an argument named `signal` or `sender`, which every receiver can have anyway.
    """

    def __init__(self, prototype: Callable[P, R] | None = None, *, name: str | None = None) -> None:
        self.__name__ = name or getattr(prototype, "__name__", "signal")
        if prototype is None:
            self.__module__ = defining_module() or type(self).__module__
        else:
            self.__wrapped__ = prototype  # inspect.signature finds the arguments through it
            self.__doc__ = prototype.__doc__
            self.__module__ = prototype.__module__
            self.__qualname__ = getattr(prototype, "__qualname__", self.__name__)
            code = getattr(prototype, "__code__", None)
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
            for reserved in ("signal", "sender"):
                if reserved in names:
                    message = f"{self.__name__}: every receiver can take {reserved!r}, it is no argument of a signal"
                    raise TypeError(message)

    def __repr__(self) -> str:
        return f"<Signal {self.__name__}>"

    def __reduce__(self) -> str:
        return global_name(self, str(getattr(self, "__qualname__", self.__name__)))

    @overload
    def connect(
        self,
        receiver: Callable[..., R | Awaitable[R]],
        sender: object = Any,
        weak: bool = True,  # noqa: FBT001, FBT002 - as in the dispatcher's connect
        *,
        dispatch_uid: Hashable = None,
        once: bool = False,
        priority: int = 0,
    ) -> Connection: ...

    @overload
    def connect(
        self,
        *,
        sender: object = Any,
        weak: bool = True,
        dispatch_uid: Hashable = None,
        once: bool = False,
        priority: int = 0,
    ) -> Callable[[F], F]: ...

    def connect(
        self,
        receiver: Callable[..., R | Awaitable[R]] = delivery.BY_NAME,
        sender: object = Any,
        weak: bool = True,  # noqa: FBT001, FBT002
        *,
        dispatch_uid: Hashable = None,
        once: bool = False,
        priority: int = 0,
    ) -> Connection | Callable[[F], F]:
        """Connect a receiver. The arguments are those of `pubsubclient.dispatcher.connect`.

        As a decorator without arguments it gives the function's name to the connection, which keeps the function and
        can be called as it. With arguments but no receiver, it is the decorator `receiver`, which gives the function back.
        """
        if receiver is delivery.BY_NAME:
            return declaring.receiver(self, sender, weak=weak, dispatch_uid=dispatch_uid, once=once, priority=priority)
        return make(
            receiver, self, sender, weak=weak, dispatch_uid=dispatch_uid, once=once, priority=priority, looks_back=True
        )

    def disconnect(
        self, receiver: Callable[..., Untyped] | None = None, sender: object = Any, *, dispatch_uid: Hashable = None
    ) -> None:
        """End the connection of a receiver to exactly this sender. Raises DispatcherKeyError if there is none."""
        disconnect(receiver, self, sender, dispatch_uid=dispatch_uid)

    def send(
        self, sender: object = delivery.BY_NAME, /, *args: P.args, **named: P.kwargs
    ) -> list[tuple[Callable[..., R], R]]:
        """Call all receivers, and return each with its response. See `pubsubclient.dispatcher.send`.

        The sender can be given by name, too, to a signal without a prototype.
        """
        if sender is delivery.BY_NAME:
            sender = named.pop("sender", Anonymous)
        try:
            plan = delivery._hot[self]  # noqa: SLF001 - one package, one cache
        except KeyError:
            pass  # as in `delivery.send`
        else:
            return plan(self, sender, args, named)  # type: ignore[no-any-return]
        return deliver(Mode.SEND, self, sender, args, named)  # type: ignore[no-any-return]

    def emit(self, /, *args: P.args, **named: P.kwargs) -> None:
        """Call all receivers, from no sender in particular, and forget their responses."""
        deliver(Mode.SEND, self, Anonymous, args, named)

    __call__ = emit

    def send_robust(
        self, /, sender: object = Anonymous, *args: P.args, **named: P.kwargs
    ) -> list[tuple[Callable[..., R], R | Exception]]:
        """Call all receivers; the error of one is its response."""
        return deliver(Mode.ROBUST, self, sender, args, named)  # type: ignore[no-any-return]

    async def asend(
        self, /, sender: object = Anonymous, *args: P.args, **named: P.kwargs
    ) -> list[tuple[Callable[..., R], R]]:
        """Call all receivers one after the other, and await those that are async."""
        return await deliver(Mode.ASEND, self, sender, args, named)  # type: ignore[no-any-return]

    async def asend_robust(
        self, /, sender: object = Anonymous, *args: P.args, **named: P.kwargs
    ) -> list[tuple[Callable[..., R], R | Exception]]:
        """Call all receivers as `asend` does; the error of one is its response."""
        return await deliver(Mode.AROBUST, self, sender, args, named)  # type: ignore[no-any-return]

    def has_receivers(self, sender: object = Anonymous) -> bool:
        """Whether a send from this sender would reach anybody."""
        return any(link.resolve() is not None for link in REGISTRY.matching(self, sender))

    def explain(self, /, sender: object = Anonymous, *args: P.args, **named: P.kwargs) -> Explanation:
        """Tell what a send would do, without sending."""
        return explain(self, sender, *args, **named)

    @contextmanager
    def muted(self) -> Iterator[None]:
        """In this block no receiver is called, in any thread, and sends return nothing."""
        with self._tapped(None):
            yield

    @contextmanager
    def captured(self) -> Iterator[list[Captured]]:
        """In this block every send of any thread is put into the list as well. Together with `muted`, only there."""
        sink: list[Captured] = []
        with self._tapped(sink):
            yield sink

    @contextmanager
    def _tapped(self, sink: list[Captured] | None) -> Iterator[None]:
        tap = Tap(self, sink)
        REGISTRY.taps.append(tap)
        REGISTRY.refresh(self)
        try:
            yield
        finally:
            REGISTRY.taps.remove(tap)


SENDING.update(
    {
        Signal.emit: Shape(takes_any_name=True, sends_on=True),
        Signal.send: Shape(takes_any_name=True, sends_on=True, sender_first=True),
        Signal.send_robust: Shape(takes_any_name=True, sends_on=True, sender_first=True),
        Signal.asend: Shape(takes_any_name=True, sends_on=True, sender_first=True, is_async=True),
        Signal.asend_robust: Shape(takes_any_name=True, sends_on=True, sender_first=True, is_async=True),
    }
)
