"""`Signal`: a signal as an object, typed by its arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any as Untyped
from typing import Generic, ParamSpec, TypeVar, overload

from pubsubclient.signals import declaring
from pubsubclient.signals._engine import send as delivery
from pubsubclient.signals._engine.capture import Capture, Captured
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
    """A signal with a signature: ``P`` are the arguments of a send, ``R`` is the type that receivers return.

    ::

        @Signal
        def order_paid(order_id: str, amount: int) -> None:
            "An order has been paid for."

        order_paid.send(shop, order_id="A7", amount=300)    # a type checker knows the arguments

    A receiver need not take all arguments: it gets those that it has a parameter for. The functions of the dispatcher
    take a `Signal` like any other signal, and receivers connected to `Any` get its sends.

    Signals are compared by identity. A copy is the signal itself, and so is an unpickled signal; only a signal that has a
    name in its module can be pickled. Calling a signal is the same as `emit`. One signal can forward another one:
    ``paid.connect(audited.send)`` forwards with the same sender, ``paid.connect(audited)`` with the sender `Anonymous`.

    Args:
        prototype: a function with the signal's parameters, never called; its name and docstring become the signal's
        name: the name of a signal without a prototype: ``Signal[[int], None](name="resized")``

    Raises:
        TypeError: the prototype has a parameter named `signal` or `sender`; every receiver can have these anyway
    """

    def __init__(self, prototype: Callable[P, R] | None = None, *, name: str | None = None) -> None:
        self.__name__ = name or getattr(prototype, "__name__", "signal")
        if prototype is None:
            self.__module__ = defining_module() or type(self).__module__
        else:
            self.__wrapped__ = prototype  # where inspect.signature looks for the parameters
            self.__doc__ = prototype.__doc__
            self.__module__ = prototype.__module__
            self.__qualname__ = getattr(prototype, "__qualname__", self.__name__)
            code = getattr(prototype, "__code__", None)
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
            for reserved in ("signal", "sender"):
                if reserved in names:
                    raise TypeError(
                        f"{self.__name__}: the parameter {reserved!r} is reserved; every receiver can take it anyway"
                    )

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

        As a decorator without arguments it returns the connection, which then has the function's name, keeps the function
        alive and calls it when called. With arguments but no receiver it is the decorator `receiver`, which returns the
        function itself.
        """
        if receiver is delivery.BY_NAME:
            return declaring.receiver(self, sender, weak=weak, dispatch_uid=dispatch_uid, once=once, priority=priority)
        return make(
            receiver, self, sender, weak=weak, dispatch_uid=dispatch_uid, once=once, priority=priority, by_user=True
        )

    def disconnect(
        self, receiver: Callable[..., Untyped] | None = None, sender: object = Any, *, dispatch_uid: Hashable = None
    ) -> None:
        """Disconnect a receiver from exactly this sender. Raises DispatcherKeyError if it is not connected to it."""
        disconnect(receiver, self, sender, dispatch_uid=dispatch_uid)

    def send(
        self, sender: object = delivery.BY_NAME, /, *args: P.args, **named: P.kwargs
    ) -> list[tuple[Callable[..., R], R]]:
        """Call all receivers, and return each with its response. See `pubsubclient.dispatcher.send`.

        A signal without a prototype also takes the sender by name.
        """
        if sender is delivery.BY_NAME:
            sender = named.pop("sender", Anonymous)
        try:
            plan = delivery._hot[self]  # noqa: SLF001 - the cache of this package
        except KeyError:
            pass  # see `delivery.send`
        else:
            return plan(self, sender, args, named)  # type: ignore[no-any-return]
        return deliver(Mode.SEND, self, sender, args, named)  # type: ignore[no-any-return]

    def emit(self, /, *args: P.args, **named: P.kwargs) -> None:
        """Call all receivers, with the sender `Anonymous`, and discard their responses."""
        deliver(Mode.SEND, self, Anonymous, args, named)

    __call__ = emit

    def send_robust(
        self, /, sender: object = Anonymous, *args: P.args, **named: P.kwargs
    ) -> list[tuple[Callable[..., R], R | Exception]]:
        """Call all receivers; an error that a receiver raises becomes its response."""
        return deliver(Mode.ROBUST, self, sender, args, named)  # type: ignore[no-any-return]

    async def asend(
        self, /, sender: object = Anonymous, *args: P.args, **named: P.kwargs
    ) -> list[tuple[Callable[..., R], R]]:
        """Call all receivers one after the other, and await the async ones."""
        return await deliver(Mode.ASEND, self, sender, args, named)  # type: ignore[no-any-return]

    async def asend_robust(
        self, /, sender: object = Anonymous, *args: P.args, **named: P.kwargs
    ) -> list[tuple[Callable[..., R], R | Exception]]:
        """Call all receivers as `asend` does; an error that a receiver raises becomes its response."""
        return await deliver(Mode.AROBUST, self, sender, args, named)  # type: ignore[no-any-return]

    def has_receivers(self, sender: object = Anonymous) -> bool:
        """Whether a send from this sender would call any receiver."""
        return any(link.resolve() is not None for link in REGISTRY.matching(self, sender))

    def explain(self, /, sender: object = Anonymous, *args: P.args, **named: P.kwargs) -> Explanation:
        """Return which receivers a send would call, with which arguments, without sending."""
        return explain(self, sender, *args, **named)

    @contextmanager
    def muted(self) -> Iterator[None]:
        """In this block sends of any thread call no receiver and return an empty list."""
        with self._intercepted(None):
            yield

    @contextmanager
    def captured(self) -> Iterator[list[Captured]]:
        """Yield a list, to which this block adds every send of any thread. Receivers are called, unless `muted`."""
        sink: list[Captured] = []
        with self._intercepted(sink):
            yield sink

    @contextmanager
    def _intercepted(self, sink: list[Captured] | None) -> Iterator[None]:
        capture = Capture(self, sink)
        REGISTRY.captures.append(capture)
        REGISTRY.refresh(self)
        try:
            yield
        finally:
            REGISTRY.captures.remove(capture)


SENDING.update(
    {
        Signal.emit: Shape(takes_any_name=True, forwards=True),
        Signal.send: Shape(takes_any_name=True, forwards=True, sender_first=True),
        Signal.send_robust: Shape(takes_any_name=True, forwards=True, sender_first=True),
        Signal.asend: Shape(takes_any_name=True, forwards=True, sender_first=True, is_async=True),
        Signal.asend_robust: Shape(takes_any_name=True, forwards=True, sender_first=True, is_async=True),
    }
)
