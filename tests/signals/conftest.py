"""Every test of signals leaves the tables as empty as it found them."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from pubsubclient.signals._engine.send import REGISTRY
from signals.clean import assert_clean


@pytest.fixture(autouse=True)
def clean_tables() -> Iterator[None]:
    """Disconnect what a test has left connected strongly; what is weak has to go by itself, or with the collector."""
    assert_clean()
    yield
    gc.collect()
    for table in (REGISTRY.any, *REGISTRY.tables.values()):
        for cell in list(table.cells.values()):
            for link in list(cell.values()):
                REGISTRY.remove(link)
    assert_clean()
