"""The form of the page about costs; static/costs.js fills it in."""

from __future__ import annotations

__all__ = ["calculator"]

_INPUTS = {
    "events": ("Events a month", 1_000_000),
    "batch": ("Events in one publish", 100),
    "fetch": ("Events in one <code>get_events</code>", 100),
    "subscribers": ("Subscribers", 1),
}
_OUTPUTS = {"reads": "Reads", "writes": "Writes", "deletes": "Deletes", "dollars": "Firestore, a month"}


def calculator() -> str:
    """The form as raw HTML."""
    lines = ['<form class="costs">']
    for name, (title, value) in _INPUTS.items():
        lines.append(f'<label>{title} <input name="{name}" type="number" min="1" value="{value}"></label>')
    lines.append('<label><input name="kept" type="checkbox"> Keep events for ever</label>')
    lines += [f'<label>{title} <output name="{name}"></output></label>' for name, title in _OUTPUTS.items()]
    return "\n".join(["```{raw} html", *lines, "</form>", "```"])
