"""Weak connections of what nothing keeps alive are warned about; others are not."""

from __future__ import annotations

import functools
import sys
import types
import warnings
import weakref

import pytest

from pubsubclient.dispatcher import (
    Signal,
    VanishedReceiverWarning,
    VanishingReceiverWarning,
    connect,
    receiver,
    send,
)
from pubsubclient.signals._engine import vanish


class Owner:
    """Has a method."""

    def method(self) -> None: ...


signal: Signal[..., None] = Signal()


@pytest.mark.skipif(not vanish._TEMPORARY[0], reason="references cannot be counted here")
class TestTemporaries:
    """A receiver that is made in the call of connect itself."""

    def test_a_lambda(self) -> None:
        with pytest.warns(
            VanishingReceiverWarning, match=r"<lambda> \(.*test_vanishing.py:\d+\).*weak=False"
        ) as caught:
            connect(lambda: None, "s")
        assert caught[0].filename == __file__
        with pytest.warns(VanishingReceiverWarning) as caught:
            signal.connect(lambda: None)
        assert caught[0].filename == __file__

    def test_a_partial(self) -> None:
        with pytest.warns(VanishingReceiverWarning, match="print"):
            connect(functools.partial(print, 1), "s")

    def test_a_method_of_a_new_instance(self) -> None:
        with pytest.warns(VanishingReceiverWarning, match=r"Owner\.method"):
            connect(Owner().method, "s")

    def test_a_method_of_a_new_function(self) -> None:
        owner = Owner()
        with pytest.warns(VanishingReceiverWarning):
            connect(types.MethodType(lambda self: None, owner), "s")


def test_what_somebody_holds_is_connected_without_a_warning() -> None:
    owner, function, partial = Owner(), lambda: None, functools.partial(print)
    method = Owner().method
    for each in (owner.method, function, partial, method, print):
        connect(each, "s")
    connect(lambda: None, "s", weak=False).disconnect()

    @receiver(signal)
    def declared() -> None: ...

    assert signal.has_receivers()


def test_a_local_function_that_dies_before_any_send_is_reported() -> None:
    def setup() -> None:
        def local() -> None: ...

        connect(local, "s")

    with pytest.warns(VanishedReceiverWarning, match="weak=False") as caught:
        setup()
    assert caught[0].filename == __file__


def test_a_local_function_that_lives_until_some_send_is_not_reported() -> None:
    def use() -> None:
        def local() -> None: ...

        connect(local, "s")
        send("other")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            use()


def test_a_function_of_a_module_that_dies_before_any_send_is_reported_too() -> None:
    """As one does whose decorator connects it, and gives back something else."""
    space = {"connect": connect}
    with pytest.warns(VanishedReceiverWarning, match=r"receive \(<string>:1\).*weak=False"):
        exec("@lambda function: connect(function, 's') and None\ndef receive(): ...", space)


def test_a_reference_that_is_made_on_the_spot_is_no_receiver_that_vanishes() -> None:
    owner = Owner()
    connect(weakref.WeakMethod(owner.method), "s")
    signal.connect(connect(owner.method, "t"))
    assert signal.has_receivers()


def test_nothing_is_reported_when_the_interpreter_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    vanish.warn_vanished((lambda: None).__code__)
