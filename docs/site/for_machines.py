"""The site for programs: each page as Markdown beside its HTML, a list of all pages in llms.txt, and one file of all text.

Source: https://llmstxt.org.
"""

from __future__ import annotations

import re
from pathlib import Path

from docs.site.navigation import HOME, sections
from docs.site.sources import source_of
from sphinx.application import Sphinx
from sphinx.builders.text import TextBuilder
from sphinx.writers.text import TextTranslator

__all__ = ["setup"]

_INTRODUCTION = """# pubsubclient

> Publish/subscribe between processes, without a broker to run. Publishers append CloudEvents to topics over HTTP;
> each subscriber gets every event of its topics, in order. On a laptop one command runs the service over a SQLite file.

Every page is here as Markdown too: its address ends in .md instead of .html.
`llms-full.txt` has the text of all but the decisions.
"""


def setup(app: Sphinx) -> dict[str, object]:
    """Sphinx calls this."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True}


def _write(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    to = Path(app.outdir)
    texts = {name: _text(app, name) for name in sorted(app.env.found_docs)}
    for name, text in texts.items():
        file = to / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (to / "llms.txt").write_text(_list(app), encoding="utf-8")
    kept = [text for name, text in texts.items() if not name.startswith("decisions/0")]
    (to / "llms-full.txt").write_text("\n\n".join([_INTRODUCTION, *kept]), encoding="utf-8")


def _text(app: Sphinx, name: str) -> str:
    """A page as Markdown: its file, or, where the site makes it of docstrings, the text that a reader sees."""
    file = Path(app.env.doc2path(name))
    source = file.read_text(encoding="utf-8")
    if "<!-- site: api" not in source:
        made = source_of(source, file.parent)
        return re.sub(r"```\{toctree\}.*?```\n?", "", made, flags=re.DOTALL)
    doctree = app.env.get_and_resolve_doctree(name, app.builder)
    builder = TextBuilder(app, app.env)
    builder.secnumbers = {}
    visitor = TextTranslator(doctree, builder)
    doctree.walkabout(visitor)
    return str(visitor.body)


def _list(app: Sphinx) -> str:
    lines = [_INTRODUCTION]
    listed = {HOME.stem}
    for section in sections():
        lines += [f"## {section.title}", ""]
        for page in section.pages:
            listed.add(page.name)
            lines.append(f"- [{page.title}]({page.name}.md)" + (f": {page.says}" if page.says else ""))
        lines.append("")
    lines += ["## Optional", ""]
    lines += [f"- [{app.env.titles[name].astext()}]({name}.md)" for name in sorted(app.env.found_docs - listed)]
    return "\n".join(lines) + "\n"
