"""What it means that nothing is connected."""

from __future__ import annotations

from pubsubclient.signals._engine.send import REGISTRY


def assert_clean() -> None:
    """Assert that nothing is connected and nothing is pending."""
    assert REGISTRY.log == []
    assert REGISTRY.tables == {}
    assert REGISTRY.any.cells == {}
    assert REGISTRY.captures == []
    assert REGISTRY._own == {}
    assert REGISTRY._warm == {}
