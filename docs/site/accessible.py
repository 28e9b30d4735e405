"""What Sphinx leaves out for those who do not see the page: the level of the captions in the list of pages."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, object]:
    """Sphinx calls this."""
    app.connect("html-page-context", _level_captions)
    return {"parallel_read_safe": True}


def _level_captions(_app: Sphinx, _name: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')
