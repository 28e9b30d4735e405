"""What Sphinx reads in place of a page's file: links that leave ``docs`` lead to the repository, and markers become lists.

A marker is an HTML comment, so that a page also reads well as it is: ``<!-- site: toctrees -->``, or
``<!-- site: api pubsubclient.outbox -->``.
"""

from __future__ import annotations

import re
from pathlib import Path

from docs.site import markers
from docs.site.project import PAGES, REPOSITORY, ROOT
from sphinx.application import Sphinx

__all__ = ["setup", "source_of"]

#: a link's end, or code, in which nothing is a link
_LINK = re.compile(
    r"^ *```.*?^ *```|`[^`]*`|\]\((?P<target>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)", re.MULTILINE | re.DOTALL
)
_MARKER = re.compile(r"^<!-- site: (?P<name>[a-z-]+)(?: (?P<argument>[\w.]+))? -->$", re.MULTILINE)
#: files of ``docs`` that the site has
_SHOWN = {".md", ".png", ".svg"}
#: pages that the site has of files outside of ``docs``
_AT_HOME = {ROOT / "CHANGELOG.md": PAGES / "changelog.md"}


def source_of(text: str, folder: Path) -> str:
    """The text of a page for the site; `folder` is where the page's links begin."""

    def linked(match: re.Match[str]) -> str:
        if match["target"] is None:
            return match[0]
        target = (folder / match["target"]).resolve()
        anchor = match["anchor"] or ""
        if target in _AT_HOME:
            return f"](/{_AT_HOME[target].relative_to(PAGES).as_posix()}{anchor})"
        if target.is_relative_to(PAGES) and target.suffix in _SHOWN:
            return match[0]
        if not target.exists():
            raise ValueError(f"a link leads to {target}, which does not exist")
        kind = "tree" if target.is_dir() else "blob"
        return f"]({REPOSITORY}/{kind}/main/{target.relative_to(ROOT).as_posix()}{anchor})"

    return _MARKER.sub(_made, _LINK.sub(linked, text))


def setup(app: Sphinx) -> dict[str, object]:
    """Sphinx calls this."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = source_of(source[0], Path(app.env.doc2path(name)).parent)


def _made(match: re.Match[str]) -> str:
    maker = getattr(markers, match["name"].replace("-", "_"))
    argument = match["argument"]
    return str(maker(argument) if argument else maker())
