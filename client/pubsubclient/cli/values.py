"""Types of arguments: names that the shell completes, lengths of time, positions, JSON."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # generic from 8.2 on

__all__ = [
    "DURATION",
    "FILTERS",
    "JSON",
    "MOMENT",
    "NAME_OF_KIND",
    "POSITION",
    "PUBLISHER",
    "REGEX",
    "SIZE",
    "SUBSCRIBER",
    "TOPIC",
    "Duration",
    "Name",
    "ParamType",
    "moment_of",
]

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNITS_S = {"ms": 0.001, None: 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


_BYTES = {"B": 1, "KB": 1_000, "MB": 1_000_000}
#: the data of an event of 900,000 bytes of JSON
_MAX_SIZE = 890_000


class Name(ParamType):
    """A name of a kind: ``topic``, ``subscriber`` or ``publisher``."""

    def __init__(self, kind: str) -> None:
        self.name = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Return the service's names that begin so; none if it does not answer at once."""
        from pubsubclient.cli.completing import names_of  # noqa: PLC0415 - only for the shell

        return [CompletionItem(name) for name in names_of(self.name, ctx) if name.startswith(incomplete)]


class _NameOfKind(ParamType):
    """A name of the kind that the argument before it names."""

    name = "name"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return Name(ctx.params.get("kind", "")).shell_complete(ctx, param, incomplete)


class Duration(ParamType):
    """A length of time in seconds, or with a unit: ``250ms``, ``90``, ``10m``, ``7d``; from `low` to `high` seconds."""

    name = "duration"

    def __init__(self, low: float = 0, high: float = math.inf) -> None:
        self._low = low
        self._high = high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        length = _LENGTH.fullmatch(value)
        seconds = float(length[1]) * _UNITS_S[length[2]] if length else -1.0
        if not self._low <= seconds <= self._high:
            expected = f"{self._low} to {self._high} seconds" if self._high < math.inf else "seconds"
            self.fail(f"expected {expected}, or with a unit (ms, s, m, h, d) as in 10m; got {value!r}.", param, ctx)
        return seconds


class _Position(ParamType):
    """``earliest``, ``latest``, a time, how long ago, or a position as JSON."""

    name = "position"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in {"earliest", "latest"} or not isinstance(value, str):
            return value
        if value.startswith("["):
            return JSON.convert(value, param, ctx)
        moment = moment_of(value)
        if moment is None:
            self.fail(
                f"{value!r}: expected earliest, latest, a time such as 2026-11-28T10:00:00Z, how long ago, such as 10m, "
                "or a position in JSON.", param, ctx,
            )  # fmt: skip
        return moment


class _Moment(ParamType):
    """A time, or how long ago."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        moment = value if isinstance(value, datetime) else moment_of(value)
        if moment is None:
            self.fail(
                f"{value!r}: expected how long ago, such as 10m, or a time such as 2026-11-28T10:00:00Z.", param, ctx
            )
        return moment


class _Size(ParamType):
    """A number of bytes: ``300``, ``64KB``, ``0.5MB``."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        size = re.fullmatch(r"(\d+(?:\.\d+)?)(B|KB|MB)?", str(value), re.IGNORECASE)
        count = int(float(size[1]) * _BYTES[(size[2] or "B").upper()]) if size else _MAX_SIZE + 1
        if count > _MAX_SIZE:
            self.fail(f"expected up to {_MAX_SIZE} bytes, for instance 1KB; got {value!r}.", param, ctx)
        return count


class _Regex(ParamType):
    """A regular expression."""

    name = "regex"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> re.Pattern[str]:
        try:
            return re.compile(value)
        except re.error as error:
            self.fail(f"{value!r} is not a regular expression: {error}.", param, ctx)


class _Json(ParamType):
    """A JSON value."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(f"{value!r} is not JSON: {error}.", param, ctx)


class _Filters(_Json):
    """A filter of the CloudEvents Subscriptions API, or a list of them, as JSON."""

    name = "filters"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[dict[str, Any]]:
        filters = super().convert(value, param, ctx)
        listed = [filters] if isinstance(filters, dict) else filters
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            self.fail(
                f'expected {{"exact": {{"type": "order.placed"}}}} or the like, or a list; got {value!r}.', param, ctx
            )
        return listed


def moment_of(text: str) -> datetime | None:
    """Return a time of RFC 3339, or so long ago; None for any other text."""
    length = _LENGTH.fullmatch(text)
    if length is not None:
        return datetime.now(timezone.utc) - timedelta(seconds=float(length[1]) * _UNITS_S[length[2]])
    try:
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.astimezone()


TOPIC, SUBSCRIBER, PUBLISHER = Name("topic"), Name("subscriber"), Name("publisher")
NAME_OF_KIND, REGEX, FILTERS = _NameOfKind(), _Regex(), _Filters()
DURATION, POSITION, MOMENT, JSON, SIZE = Duration(), _Position(), _Moment(), _Json(), _Size()
