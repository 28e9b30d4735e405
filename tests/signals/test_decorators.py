"""`connect` above a function: the name stands for the function, and the function lives as long as the name."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any as Untyped

import pytest

from pubsubclient import dispatcher
from pubsubclient.dispatcher import Connection, DispatcherTypeError, Signal, connect, receiver, send

saved: Signal[..., object] = Signal(name="saved")
CLIENT = Path(__file__).parents[2] / "client"


def names(responses: list[tuple[Untyped, Untyped]]) -> list[Untyped]:
    return [response for _, response in responses]


def of_module(path: str) -> object:
    return "module", path


@pytest.fixture(autouse=True)
def connected(clean_tables: None) -> None:
    """Somebody hears the signal throughout."""
    saved.connect(of_module)


PROGRAM = """
import gc
from pubsubclient.signals import Signal

saved = Signal(name="saved")

@saved.connect
def on_saved(path):
    return "saved " + path

gc.collect()
print(saved.send("editor", path="a.txt")[0][1], on_saved("b.txt"))

class Handlers:
    @staticmethod
    @saved.connect
    def handle(path):
        return "handled " + path

gc.collect()
print([response for _, response in saved.send("editor", path="c.txt")], Handlers.handle("d.txt"))
on_saved.disconnect()
del on_saved
print(len(saved.send("editor", path="e.txt")))
"""


def test_a_program_may_decorate_its_functions() -> None:
    """As with blinker and psygnal; no warning is given."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        env={"PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == (
        "saved a.txt saved b.txt\n['saved c.txt', 'handled c.txt'] handled d.txt\n1\n",
        "",
    )


def test_a_decorated_function_can_be_called_and_inspected_under_its_name() -> None:
    @saved.connect
    def local(path: str) -> object:
        """Says what was saved."""
        return "local", path

    assert isinstance(local, Connection)
    assert local("a") == ("local", "a")
    assert names(saved.send(path="b")) == [("module", "b"), ("local", "b")]
    assert str(inspect.signature(local)) == "(path: 'str') -> 'object'"
    assert local.__wrapped__.__doc__ == "Says what was saved."


def test_a_decorated_function_lives_as_long_as_its_name() -> None:
    @saved.connect
    def local(path: str) -> object:
        return "local", path

    gone = weakref.ref(local.__wrapped__)
    gc.collect()
    assert names(saved.send(path="a")) == [("module", "a"), ("local", "a")]
    del local
    gc.collect()
    assert gone() is None
    assert names(saved.send(path="a")) == [("module", "a")]


def test_a_decorated_function_can_be_called_when_it_has_been_disconnected() -> None:
    @saved.connect
    def local() -> int:
        return 1

    local.disconnect()
    assert local() == 1
    assert not local.connected
    saved.connect(local)
    assert names(saved.send(path="a"))[1:] == [1]
    saved.disconnect(local)
    assert names(saved.send(path="a"))[1:] == []


def passes_on(function: Untyped) -> Untyped:
    @functools.wraps(function)
    def wrapper(**named: object) -> object:
        return "wrapped", function(**{name: named[name] for name in ("path",)})

    return wrapper


def test_decorators_may_be_stacked() -> None:
    other: Signal[..., object] = Signal(name="other")

    @saved.connect
    @passes_on
    def first(path: str) -> object:
        return "first", path

    @saved.connect
    @other.connect
    def second(path: str) -> object:
        return "second", path

    @saved.connect
    @functools.lru_cache
    def third(path: str) -> object:
        return "third", path

    @passes_on
    @saved.connect
    def fourth(path: str) -> object:
        return "fourth", path

    @receiver(other)
    @saved.connect
    def fifth(path: str) -> object:
        return "fifth", path

    gc.collect()
    assert names(saved.send(path="a"))[1:] == [
        ("wrapped", ("first", "a")), ("second", "a"), ("third", "a"), ("fourth", "a"), ("fifth", "a"),
    ]  # fmt: skip
    assert names(other.send(path="b")) == [("second", "b"), ("fifth", "b")]
    assert first(path="c") == ("wrapped", ("first", "c"))
    assert second("c") == ("second", "c")
    assert fourth(path="c") == ("wrapped", ("fourth", "c"))
    del second
    gc.collect()
    assert names(other.send(path="b")) == [("fifth", "b")]


def test_a_decorator_with_arguments_gives_the_function_back() -> None:
    sender = object()

    @saved.connect(sender=sender, priority=1)
    def mine(path: str) -> object:
        return "mine", path

    @saved.connect()
    def all_of_them(path: str) -> object:
        return "all", path

    assert inspect.isfunction(mine)
    assert inspect.isfunction(all_of_them)
    assert names(saved.send(sender, path="a")) == [("mine", "a"), ("module", "a"), ("all", "a")]
    assert names(saved.send(path="a")) == [("module", "a"), ("all", "a")]
    saved.disconnect(mine, sender)


def test_the_function_connect_may_decorate_too() -> None:
    @dispatcher.connect
    def everything(signal: object) -> object:
        return signal

    gc.collect()
    assert names(send("s")) == ["s"]
    assert everything("t") == "t"


def test_an_async_function_may_be_decorated() -> None:
    @saved.connect
    async def local(path: str) -> object:
        return path

    assert names(asyncio.run(saved.asend(path="a")))[1:] == ["a"]
    assert asyncio.run(local("b")) == "b"


def test_the_receiver_of_a_connection_is_the_function_itself() -> None:
    @saved.connect
    def local() -> None: ...

    other: Signal[..., object] = Signal(name="other")
    again = other.connect(local)
    assert saved.send(path="")[1][0] is local.receiver
    assert other.send()[0][0] is local.receiver is again.receiver
    other.disconnect(local)
    assert other.send() == []
    saved.disconnect(local)
    assert local.receiver is None


def test_a_connection_that_has_no_function_of_its_own_keeps_none() -> None:
    def local() -> int:
        return 1

    connection = connect(local, "s")
    with connect(local, "t") as other:
        assert (connection(), other()) == (1, 1)
    send("s")
    del local
    gc.collect()
    assert not connection.connected
    assert not hasattr(connection, "__wrapped__")
    for use in (connection, functools.partial(connect, connection, "u")):
        with pytest.raises(DispatcherTypeError, match="dead or disconnected"):
            use()
    send("s")


def test_functions_made_in_a_loop_are_kept_one_by_one() -> None:
    kept = []
    for number in range(3):

        @saved.connect
        def local(number: int = number) -> object:
            return number

        kept.append(local)
    gc.collect()
    assert names(saved.send(path=""))[1:] == [0, 1, 2]
    del kept[0]
    gc.collect()
    assert names(saved.send(path=""))[1:] == [1, 2]
