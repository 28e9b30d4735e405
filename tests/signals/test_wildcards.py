"""Any and Anonymous are one object each, whatever is done to them."""

from __future__ import annotations

import copy
import pickle

import pytest

from pubsubclient.dispatcher import Anonymous, Any


@pytest.mark.parametrize("wildcard", [Any, Anonymous])
def test_a_wildcard_survives_copies_and_pickles(wildcard: object) -> None:
    assert copy.copy(wildcard) is wildcard
    assert copy.deepcopy([wildcard])[0] is wildcard
    assert pickle.loads(pickle.dumps(wildcard)) is wildcard


def test_wildcards_print_as_they_do_in_pydispatcher() -> None:
    assert (repr(Any), str(Any), repr(Anonymous)) == ("_Any", "_Any", "_Anonymous")
