"""Sphinx's settings: the theme furo, Markdown by MyST, docstrings by autodoc. Nothing is fetched from elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from docs.site.project import SITE, VERSION
from docs.site.public import prepare

prepare()

project = "pubsubclient"
version = release = os.environ.get("DOCS_VERSION", VERSION)
html_title = f"pubsubclient {release}"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docs.site.reference",
    "docs.site.sources",
    "docs.site.accessible",
    "docs.site.for_machines",
]
exclude_patterns = ["site"]
# autodoc's types of attributes are looked for everywhere, so that `id` is found more than once
suppress_warnings = ["myst.header", "ref.python"]

myst_heading_anchors = 4
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!pubsubclient\b).*"),  # names of other packages
    ("py:.*", r".*\._\w+(\..*)?"),  # private ones
    ("py:.*", r"pubsubclient\..*\.(AnyType|[A-Z])"),  # of type variables, and of what Any is
]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

text_sectionchars = "=-~+^"

html_theme = "furo"
html_favicon = "static/icon.svg"
html_static_path = ["static"]
templates_path = ["templates"]
html_css_files = ["site.css"]
html_js_files = [("versions.js", {"defer": "defer"}), ("costs.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_baseurl = SITE
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "versions.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_theme_options = {"navigation_with_keys": False}
