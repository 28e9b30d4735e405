"""A copy or a pickle of what is known by identity is the same, or it is refused: a twin would hear nothing, in silence."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any as Untyped

import pytest

from pubsubclient.dispatcher import Connection, Signal, connect

CLIENT = Path(__file__).parents[2] / "client"


@Signal
def paid(order_id: str) -> None:
    """An order has been paid for."""


resized = Signal[[int], None](name="resized")
of_another_name: Signal[..., object] = Signal(name="saved")
unnamed: Signal[..., object] = Signal()


class Shop:
    """Has signals."""

    @Signal
    def opened(hour: int) -> None:
        """The shop is open."""

    def __init__(self) -> None:
        self.closed: Signal[..., object] = Signal(name="closed")


@pytest.mark.parametrize("signal", [paid, resized, of_another_name, unnamed, Shop.opened], ids=repr)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_copies_and_pickles_of_a_signal_with_a_place_are_the_signal(signal: Untyped, protocol: int) -> None:
    assert copy.copy(signal) is signal
    assert copy.deepcopy({"kept": [signal]})["kept"][0] is signal
    assert pickle.loads(pickle.dumps(signal, protocol)) is signal
    assert pickle.loads(pickle._dumps(signal, protocol)) is signal  # type: ignore[attr-defined]


def test_a_signal_without_a_place_is_copied_but_not_pickled() -> None:
    shop = Shop()
    twin = copy.deepcopy(shop)
    assert twin.closed is shop.closed
    for unplaced in (shop, shop.closed, Signal(name="paid"), Signal(lambda order_id: None)):
        with pytest.raises(TypeError, match=r"only store its name.*no name in the module.*test_copies"):
            pickle.dumps(unplaced)


PROGRAM = """
import pickle
from pubsubclient.signals import Signal

saved = Signal(name="document.saved")
assert pickle.loads(pickle.dumps(saved)) is saved
print(pickle.dumps({"signal": saved}).hex())
"""


def test_another_process_finds_the_signal_by_its_name() -> None:
    done = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(CLIENT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for program in [PROGRAM]
    ]
    program = f"{PROGRAM}assert pickle.loads(bytes.fromhex({done[0].strip()!r}))['signal'] is saved"
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(CLIENT)}, timeout=60, check=True)


#: Of ``Signal(name="saved")``, before pickles named their signals.
OLD = (
    b"\x80\x02cpubsubclient.signals.signal\nSignal\nq\x00)\x81q\x01}q\x02(X\x08\x00\x00\x00__name__q\x03X\x05\x00\x00\x00savedq\x04"
    b"X\x0b\x00\x00\x00__wrapped__q\x05Nub."
)


def test_a_pickle_of_an_earlier_version_still_loads() -> None:
    """It is a signal of its own, as it always was."""
    signal = pickle.loads(OLD)
    assert repr(signal) == "<Signal saved>"
    assert signal.send(None) == []


def test_a_connection_is_copied_as_itself_and_not_pickled() -> None:
    def receive() -> None: ...

    with connect(receive, "s") as connection:
        assert copy.copy(connection) is connection
        assert copy.deepcopy([connection])[0] is connection
        with pytest.raises(TypeError, match="a connection belongs to one process"):
            pickle.dumps(connection)
    assert isinstance(connection, Connection)
