"""What Sphinx and furo leave out for those who use no mouse or do not see the page.

The captions in the list of pages get their level. Blocks of code and tables that are wider than the window scroll, so
they can be reached by the keyboard. A column without a title has an empty cell there, not a heading that says nothing.

What is the same on every page stands in `templates`: names of the columns beside the text, and the search's heading.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

__all__ = ["setup"]

_EMPTY_HEADING = re.compile(r'<th class="(head[\w -]*)"><p></p></th>')


def setup(app: Sphinx) -> dict[str, object]:
    """Sphinx calls this."""
    app.connect("html-page-context", _mend, priority=900)  # after furo has made the list
    return {"parallel_read_safe": True}


def _mend(_app: Sphinx, _name: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')
    body = context.get("body", "").replace("<pre>", '<pre tabindex="0">')
    body = _EMPTY_HEADING.sub(r'<td class="\1"></td>', body)
    context["body"] = body.replace('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper')
