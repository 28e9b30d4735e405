"""Filters of events, in the six required dialects of the CloudEvents Subscriptions API.

Source: https://github.com/cloudevents/spec/blob/main/subscriptions/spec.md, section 3.2.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pubsubclient._errors import InvalidArgument

__all__ = ["Filters", "accepted", "check_filters"]

#: as JSON: ``[{"prefix": {"type": "order."}}, {"not": {"exact": {"region": "eu"}}}]``
Filters = Sequence[Mapping[str, Any]]

_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
}
_NAME = re.compile(r"[a-z0-9]{1,20}")
#: what is not an attribute that a publisher sets
_NOT_SEEN = frozenset({"data", "sequence", "recordedtime", "attempt"})
_MAX_NODES = 100
_MAX_DEPTH = 10


def check_filters(filters: object) -> list[Any]:
    """Return filters that the service would take. Raises InvalidArgument with the path of what is wrong."""
    if not isinstance(filters, list | tuple):
        raise InvalidArgument(f"filters: expected a list of filters; got {filters!r}.")
    nodes = sum(_check(filter_, f"filters[{number}]", 1) for number, filter_ in enumerate(filters))
    if nodes > _MAX_NODES:
        raise InvalidArgument(f"filters: expected at most {_MAX_NODES} comparisons and combinations; got {nodes}.")
    return list(filters)


def accepted(filters: Filters, members: Mapping[str, Any]) -> bool:
    """Whether every filter, checked before, is true of an event's members."""
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


def _check(filter_: object, path: str, depth: int) -> int:
    """The number of comparisons and combinations in a filter."""
    if not isinstance(filter_, Mapping) or len(filter_) != 1:
        raise InvalidArgument(f"{path}: expected a dict with one dialect; got {filter_!r}.")
    if depth > _MAX_DEPTH:
        raise InvalidArgument(f"{path}: expected at most {_MAX_DEPTH} levels of filters.")
    ((dialect, content),) = filter_.items()
    path = f"{path}.{dialect}"
    if dialect in _COMPARISONS:
        return _check_comparisons(content, path)
    if dialect == "not":
        return 1 + _check(content, path, depth + 1)
    if dialect not in {"all", "any"}:
        raise InvalidArgument(f"{path}: expected one of exact, prefix, suffix, all, any and not; got {dialect!r}.")
    if not isinstance(content, list | tuple) or not content:
        raise InvalidArgument(f"{path}: expected a list of at least one filter; got {content!r}.")
    return 1 + sum(_check(nested, f"{path}[{number}]", depth + 1) for number, nested in enumerate(content))


def _check_comparisons(content: object, path: str) -> int:
    if not isinstance(content, Mapping) or not content:
        raise InvalidArgument(f"{path}: expected a dict of attributes and strings, at least one; got {content!r}.")
    for name, text in content.items():
        where = f"{path}.{name}"
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _NOT_SEEN:
            raise InvalidArgument(f"{where}: expected an attribute that publishers set, or topic; got {name!r}.")
        if not isinstance(text, str) or not text:
            raise InvalidArgument(f"{where}: expected a string that is not empty; got {text!r}.")
    return len(content)
