"""Errors and receivers that resist being reported: the error is reported all the same, and everybody is called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any as Untyped
from typing import NoReturn

import pytest

from pubsubclient.dispatcher import AsyncReceiverError, asend, asend_robust, connect, send, sendRobust

#: A send runs other code the first times than later.
SENDS = 5


class RefusesAttributes(Exception):
    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise TypeError("frozen")


class RefusesQuestions(Exception):
    def __getattribute__(self, name: str) -> Untyped:
        if name == "__notes__":
            raise ZeroDivisionError
        return super().__getattribute__(name)


class HasNoPlaceForNotes(Exception):
    __notes__ = ("a tuple",)


class NotesRaise(Exception):
    @property
    def __notes__(self) -> NoReturn:
        raise LookupError


class HasBrokenNotes(Exception):
    class Broken(list):  # type: ignore[type-arg]
        def __contains__(self, item: object) -> bool:
            raise OSError

    def __init__(self) -> None:
        self.__notes__ = self.Broken()


class HasNoRepr(Exception):
    def __repr__(self) -> NoReturn:
        raise ValueError

    __str__ = __repr__


HOSTILE = [RefusesAttributes, RefusesQuestions, HasNoPlaceForNotes, NotesRaise, HasBrokenNotes, HasNoRepr]


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_error_that_takes_no_note_is_a_response_and_the_others_run(kind: Callable[[], Exception]) -> None:
    def fails() -> None:
        raise kind()

    def other() -> int:
        return 1

    connect(fails, "s")
    connect(other, "s")
    for _ in range(SENDS):
        for responses in (sendRobust("s"), asyncio.run(asend_robust("s"))):
            (_, error), (_, response) = responses
            assert type(error) is kind
            assert response == 1
        with pytest.raises(kind):  # type: ignore[call-overload]
            send("s")
        with pytest.raises(kind):  # type: ignore[call-overload]
            asyncio.run(asend("s"))


def test_notes_that_are_there_already_stay() -> None:
    def fails() -> None:
        raise HasNoPlaceForNotes

    connect(fails, "s")
    assert sendRobust("s")[0][1].__notes__ == ("a tuple",)


class Nameless:
    """A receiver and a signal that cannot be shown."""

    def __repr__(self) -> NoReturn:
        raise ValueError

    def __getattr__(self, name: str) -> NoReturn:
        raise ZeroDivisionError

    def __call__(self) -> NoReturn:
        raise LookupError("mine")


class NamelessAsync(Nameless):
    async def __call__(self) -> NoReturn:
        raise LookupError("mine")


def test_a_receiver_that_cannot_be_named_is_reported_all_the_same() -> None:
    def other() -> int:
        return 1

    receivers, signal = [Nameless(), NamelessAsync(), other], Nameless()
    for each in receivers:
        connect(each, signal)
    for _ in range(SENDS):
        (_, error), (_, refusal), (_, response) = sendRobust(signal)
        assert isinstance(error, LookupError)
        assert isinstance(refusal, AsyncReceiverError)
        assert response == 1
        assert [type(error) for _, error in asyncio.run(asend_robust(signal))] == [LookupError, LookupError, int]
        with pytest.raises(AsyncReceiverError):
            send(signal)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, BaseException])
def test_what_is_no_exception_ends_a_robust_send_too(kind: type[BaseException]) -> None:
    def fails() -> None:
        raise kind

    def other() -> int:
        raise AssertionError

    connect(fails, "s")
    connect(other, "s")
    for _ in range(SENDS):
        with pytest.raises(kind):
            sendRobust("s")
