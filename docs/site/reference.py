"""The reference of the client, by autodoc: what the docstrings say, under public names."""

from __future__ import annotations

import importlib
import inspect
import re

from docs.site.project import PAGES
from docs.site.public import modules, names, places
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

__all__ = ["of_module", "of_other_modules", "setup"]

_MARKER = re.compile(r"<!-- site: api ([\w.]+) -->")
#: what is in backquotes: code as it is, or what may be a name
_QUOTED = re.compile(r"``.*?``|(?<![`:])`(?P<text>[^`]+)`", re.DOTALL)


def of_module(module: str) -> str:
    """The names of a public module, as Markdown of MyST."""
    of = importlib.import_module(module)
    lines = ["````{eval-rst}"]
    for name in names(module):
        value = getattr(of, name)
        place = places()[id(value)]
        if place != f"{module}.{name}":
            lines += [
                f".. py:data:: {module}.{name}",
                "   :no-typesetting:",
                "",
                f"``{name}`` is :py:obj:`{place}`.",
                "",
            ]
        elif isinstance(value, type):
            lines += [
                f".. autoclass:: {module}.{name}",
                "   :members:",
                "   :inherited-members: Exception, tuple, list",
                "",
            ]
        elif inspect.isroutine(value):
            lines += [f".. autofunction:: {module}.{name}", ""]
        else:
            lines += [f".. autodata:: {module}.{name}", "   :no-value:", ""]
    return "\n".join([*lines, "````", ""])


def of_other_modules() -> str:
    """The public modules that no page names, each under a heading."""
    named = {name for page in PAGES.rglob("*.md") for name in _MARKER.findall(page.read_text(encoding="utf-8"))}
    parts = []
    for module in modules():
        if module not in named:
            says = (importlib.import_module(module).__doc__ or "").partition("\n\n")[0].strip()
            parts += [f"## {module}", "", says, "", of_module(module)]
    return "\n".join(parts)


def setup(app: Sphinx) -> dict[str, object]:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", _marked_up, priority=100)  # before the sections are read
    app.connect("missing-reference", _resolved)
    return {"parallel_read_safe": True}


def _marked_up(_app: Sphinx, _what: str, _name: str, value: object, _options: object, lines: list[str]) -> None:
    """In docstrings a name in backquotes is a name of the package, or code."""
    module = inspect.getmodule(value)

    def reference(match: re.Match[str]) -> str:
        text = match["text"]
        if text is None:
            return match[0]
        place = _place(text, module.__name__ if module else "pubsubclient")
        return f":py:obj:`{text} <{place}>`" if place else f"``{text}``"

    lines[:] = _QUOTED.sub(reference, "\n".join(lines)).split("\n")


def _place(said: str, module: str) -> str | None:
    """The full public name of the class or function that a docstring names, or names a member of."""
    first = said.partition(".")[0]
    for of in dict.fromkeys([module, *modules()]):
        value = getattr(importlib.import_module(of), first, None)
        if value is not None and id(value) in places():
            return places()[id(value)]
    return None


def _resolved(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Node) -> nodes.Node | None:
    """A name as the code has it, such as `pubsubclient._events.event.Event`, is looked for under its public name."""
    module, _, name = str(node.get("reftarget", "")).rpartition(".")
    if node.get("refdomain") != "py" or not module.startswith("pubsubclient."):
        return None
    try:
        place = places().get(id(getattr(importlib.import_module(module), name)))
    except (ImportError, AttributeError):
        return None
    if place is None:
        return None
    domain = env.domains.python_domain
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", place, node, content)
