"""The filters of a subscription, in the six required dialects of CloudEvents.

A filter sees the attributes that the publisher sent, extensions included, and ``topic``. Only the attributes that a filter
names are decoded. Source: https://github.com/cloudevents/spec/blob/main/subscriptions/spec.md, section 3.2.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec
from msgspec.structs import astuple

from pubsubservice.core.problems import BadRequest
from pubsubservice.events.attributes import MAX_NAME, NAME
from pubsubservice.events.validate import OURS
from pubsubservice.subscribers.filter_expressions import All, AnyOf, Compare, Node, Not

__all__ = ["MAX_DEPTH", "MAX_FILTER_BYTES", "MAX_NODES", "Filter", "compile_filters"]

#: comparisons, and `all`, `any` and `not` expressions, in one subscription
MAX_NODES = 100
#: levels of nested filters
MAX_DEPTH = 10
#: bytes of a subscription's filters as JSON, which are stored in the subscriber's document
MAX_FILTER_BYTES = 16 * 1024

_DIALECTS = "exact, prefix, suffix, all, any and not"
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
}


class Filter:
    """The checked filters of one subscription; immutable."""

    def __init__(self, root: Node, attributes: Sequence[str], packed: bytes) -> None:
        #: their JSON, as stored in the subscriber's document
        self.packed = packed
        self._root = root
        fields = {f"a{index}": name for index, name in enumerate(attributes)}
        head = msgspec.defstruct(
            "Head", [(field, str | int | bool | None, None) for field in fields], rename=fields, gc=False
        )
        self._decode = msgspec.json.Decoder(head).decode

    @staticmethod
    def load(packed: bytes) -> Filter:
        """Load a filter from its stored JSON."""
        return _load(packed)

    def matches(self, line: bytes, topic: str) -> bool:
        """Whether an event passes; `line` is its JSON as published."""
        return self.select((line,), topic) == 1

    def select(self, lines: Sequence[bytes], topic: str) -> int:
        """Return the events that pass, as bits: bit i is set if `lines[i]` passes."""
        accepts, decode = self._root.accepts, self._decode
        bits = ["1" if accepts((topic, *astuple(decode(line)))) else "0" for line in reversed(lines)]
        return int("".join(bits) or "0", 2)

    def clause(self, line: bytes, topic: str) -> str | None:
        """Return the path of the first clause that an event fails, such as ``filters[1].exact.type``; None if it passes."""
        values = (topic, *astuple(self._decode(line)))
        return None if self._root.accepts(values) else self._root.refusing(values)


def compile_filters(raw: object) -> Filter | None:
    """Check the filters of a request; return None for an empty array.

    Raises BadRequest: `unknown_dialect`, or `invalid_filter` with the path of the invalid part.
    """
    if not isinstance(raw, list):
        raise _invalid("filters", "an array of filters is expected")
    if not raw:
        return None
    compiler = _Compiler()
    root = All(compiler.nodes(raw, "filters", 1))
    packed = msgspec.json.encode(raw, order="deterministic")
    if len(packed) > MAX_FILTER_BYTES:
        raise _invalid("filters", f"at most {MAX_FILTER_BYTES} bytes of JSON are expected; got {len(packed)}")
    return Filter(root, compiler.attributes, packed)


class _Compiler:
    """Checks filters, and enforces their limits."""

    def __init__(self) -> None:
        #: the attributes that the filters name, without `topic`
        self.attributes: list[str] = []
        self._count = 0

    def nodes(self, raws: object, path: str, depth: int) -> list[Node]:
        if not isinstance(raws, list) or not raws:
            raise _invalid(path, "an array of at least one filter is expected")
        return [self._node(raw, f"{path}[{number}]", depth) for number, raw in enumerate(raws)]

    def _node(self, raw: object, path: str, depth: int) -> Node:
        if not isinstance(raw, dict) or len(raw) != 1:
            raise _invalid(path, f"an object with one dialect is expected ({_DIALECTS})")
        if depth > MAX_DEPTH:
            raise _invalid(path, f"at most {MAX_DEPTH} levels of filters are expected")
        ((dialect, content),) = raw.items()
        path = f"{path}.{_shown(dialect)}"
        if dialect in _COMPARISONS:
            return self._comparisons(dialect, content, path)
        if dialect not in {"all", "any", "not"}:
            raise BadRequest(
                "unknown_dialect", f"{path}: the dialect {_shown(dialect)!r} is not known; {_DIALECTS} are."
            )
        self._admit(path)
        if dialect == "not":
            return Not(path, self._node(content, path, depth + 1))
        nodes = self.nodes(content, path, depth + 1)
        return All(nodes) if dialect == "all" else AnyOf(path, nodes)

    def _comparisons(self, dialect: str, content: object, path: str) -> Node:
        if not isinstance(content, dict) or not content:
            raise _invalid(path, "an object from names of attributes to strings is expected, with at least one")
        found: list[Node] = []
        for name, text in content.items():
            where = f"{path}.{_shown(name)}"
            _check_attribute(name, where)
            if not isinstance(text, str) or not text:
                raise _invalid(where, 'a string that is not empty is expected (a number or a boolean as "5" or "true")')
            self._admit(where)
            found.append(Compare(where, self._index(name), text, _COMPARISONS[dialect]))
        return found[0] if len(found) == 1 else All(found)

    def _index(self, name: str) -> int:
        if name == "topic":
            return 0
        if name not in self.attributes:
            self.attributes.append(name)
        return 1 + self.attributes.index(name)

    def _admit(self, path: str) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            raise _invalid(path, f"at most {MAX_NODES} comparisons and combinations are expected in a subscription")


def _check_attribute(name: str, path: str) -> None:
    if not NAME.fullmatch(name):
        raise _invalid(path, f"the name of an attribute is expected: 1 to {MAX_NAME} of a-z 0-9")
    if name == "data":
        raise _invalid(path, "an attribute is expected; filters do not see an event's data")
    if name in OURS and name != "topic":
        raise _invalid(path, f"an attribute of the publisher, or topic, is expected; {name} is added on delivery")


def _shown(name: str) -> str:
    return name if len(name) <= 40 else name[:37] + "..."


def _invalid(path: str, expected: str) -> BadRequest:
    return BadRequest("invalid_filter", f"{path}: {expected}.")


@lru_cache(maxsize=1_024)
def _load(packed: bytes) -> Filter:
    found = compile_filters(msgspec.json.decode(packed))
    if found is None:
        raise ValueError(packed)
    return found
