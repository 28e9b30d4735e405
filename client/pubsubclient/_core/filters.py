"""Checks and evaluates filters of events, in the six required dialects of the CloudEvents Subscriptions API.

Source: https://github.com/cloudevents/spec/blob/main/subscriptions/spec.md, section 3.2.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pubsubclient._core.arguments import clean, shown
from pubsubclient._core.attributes import NAME
from pubsubclient._core.errors import InvalidArgument

__all__ = ["Filters", "accepted", "check_filters"]

#: a list of filters, for instance ``[{"prefix": {"type": "order."}}, {"not": {"exact": {"region": "eu"}}}]``
Filters = Sequence[Mapping[str, Any]]

_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
}
_DIALECTS = (*_COMPARISONS, "all", "any", "not")
#: names that paths show without quotes
_WORD = re.compile(r"\w{1,40}")
#: members that filters cannot compare: a publisher does not set them as attributes
_NOT_FILTERABLE = frozenset({"data", "sequence", "recordedtime", "attempt"})
_MAX_NODES = 100
_MAX_DEPTH = 10


def check_filters(filters: object) -> list[dict[str, Any]]:
    """Return a copy of filters that the service accepts. Raises InvalidArgument, with the path of the first fault."""
    if not isinstance(filters, list | tuple):
        raise InvalidArgument(f"filters: expected a list of filters; got {shown(filters)}.")
    checked = [_checked(filter_, f"filters[{number}]", 1) for number, filter_ in enumerate(filters)]
    nodes = sum(map(_count, checked))
    if nodes > _MAX_NODES:
        raise InvalidArgument(f"filters: expected at most {_MAX_NODES} comparisons and combinations; got {nodes}.")
    return checked


def accepted(filters: Filters, members: Mapping[str, Any]) -> bool:
    """Whether an event's members match all filters, which were checked before."""
    return all(_accepts(filter_, members) for filter_ in filters)


def _accepts(filter_: Mapping[str, Any], members: Mapping[str, Any]) -> bool:
    ((dialect, content),) = filter_.items()
    if dialect == "all":
        return accepted(content, members)
    if dialect == "any":
        return any(_accepts(nested, members) for nested in content)
    if dialect == "not":
        return not _accepts(content, members)
    holds = _COMPARISONS[dialect]
    for name, text in content.items():
        value = members.get(name)
        if value is None or not holds(value if isinstance(value, str) else str(value).lower(), text):
            return False
    return True


def _checked(filter_: object, path: str, depth: int) -> dict[str, Any]:
    if not isinstance(filter_, Mapping) or len(filter_) != 1:
        raise InvalidArgument(f"{path}: expected a dict with one dialect; got {shown(filter_)}.")
    if depth > _MAX_DEPTH:
        raise InvalidArgument(f"{path}: expected at most {_MAX_DEPTH} levels of filters.")
    ((dialect, content),) = filter_.items()
    path = _below(path, dialect)
    if dialect not in _DIALECTS:
        raise InvalidArgument(f"{path}: expected one of {', '.join(_DIALECTS)}; got {shown(dialect)}.")
    if dialect in _COMPARISONS:
        return {dialect: _checked_comparisons(content, path)}
    if dialect == "not":
        return {dialect: _checked(content, path, depth + 1)}
    if not isinstance(content, list | tuple) or not content:
        raise InvalidArgument(f"{path}: expected a list of at least one filter; got {shown(content)}.")
    return {dialect: [_checked(nested, f"{path}[{number}]", depth + 1) for number, nested in enumerate(content)]}


def _checked_comparisons(content: object, path: str) -> dict[str, str]:
    if not isinstance(content, Mapping) or not content:
        raise InvalidArgument(f"{path}: expected a dict of attributes and strings, at least one; got {shown(content)}.")
    for name, text in content.items():
        where = _below(path, name)
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in _NOT_FILTERABLE:
            raise InvalidArgument(f"{where}: expected an attribute that publishers set, or topic; got {shown(name)}.")
        if not isinstance(text, str) or not text or clean(name, text) != text:
            raise InvalidArgument(
                f"{where}: expected a string that is not empty, and without lone surrogates; got {shown(text)}."
            )
    return dict(content)


def _below(path: str, name: object) -> str:
    return f"{path}.{name}" if isinstance(name, str) and _WORD.fullmatch(name) else f"{path}[{shown(name)}]"


def _count(filter_: Mapping[str, Any]) -> int:
    """Count the comparisons and combinations in a checked filter."""
    ((dialect, content),) = filter_.items()
    if dialect in _COMPARISONS:
        return len(content)
    return 1 + sum(map(_count, [content] if dialect == "not" else content))
