"""What a handler's function is called with, planned once from the annotations of its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pubsubclient._core.errors import ConfigurationError
from pubsubclient._core.typed_data import Codec, codec_of
from pubsubclient._events.event import Event
from pubsubclient._events.received import ReceivedEvent

__all__ = ["Parameters", "plan"]

_EVENTS = (Event, ReceivedEvent)
_LISTS = (list, Sequence, Collection, Iterable)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Parameters:
    """The parameters of a handler's function."""

    #: for each positional parameter, whether it takes the data; otherwise it takes the event
    positional: tuple[bool, ...]
    #: the same for keyword-only parameters, by name
    keywords: tuple[tuple[str, bool], ...]
    #: whether any parameter takes the data
    data: bool
    #: decodes the data of an event; None if it is handed over as it is
    codec: Codec | None

    def decode(self, event: ReceivedEvent) -> Any:
        """Return the data of an event, as the function takes it. Raises Unfit."""
        if not self.data:
            return None
        return event.data if self.codec is None else self.codec.decode(event.data)

    def call(self, function: Callable[..., Any], event: object, data: object) -> Any:
        """Call the function with an event and its data, or with lists of them."""
        positional = [data if is_data else event for is_data in self.positional]
        if not self.keywords:
            return function(*positional)
        return function(*positional, **{name: data if is_data else event for name, is_data in self.keywords})


def plan(function: Callable[..., Any], name: str, declared: Codec | None, *, batch: bool) -> Parameters:
    """Plan the call of a function.

    Args:
        function: takes the data, the event, both in any order, or nothing. Parameters that are keyword-only and have a default
            keep it
        name: the function's name, for errors
        declared: the codec of the topic, for data without an annotation
        batch: whether the function takes lists

    Raises:
        ConfigurationError: the function has two parameters for the data, or one that nothing is passed to; or an annotation
            cannot be resolved, cannot be decoded from JSON, or is no list though it should be, or the reverse
    """
    parameters, hints = _signature(function, name)
    positional: list[bool] = []
    keywords: list[tuple[str, bool]] = []
    data: list[str] = []
    codec = declared
    for parameter in parameters:
        if parameter.kind in _VARIADIC:
            raise ConfigurationError(f"{name}: expected named parameters; got {parameter}.")
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.default is not inspect.Parameter.empty:
            continue
        where = f"{name}, parameter {parameter.name!r}"
        kind = hints.get(parameter.name, Any)
        is_event = _is_event(kind, where, batch=batch)
        if not is_event:
            data.append(parameter.name)
            codec = _codec(kind, where, declared, batch=batch)
        if parameter.kind in _POSITIONAL:
            positional.append(not is_event)
        else:
            keywords.append((parameter.name, not is_event))
    if len(data) > 1:
        raise ConfigurationError(
            f"{name}: expected at most one parameter for the data, and others annotated Event; got {', '.join(data)}."
        )
    return Parameters(tuple(positional), tuple(keywords), bool(data), codec)


def _signature(function: Callable[..., Any], name: str) -> tuple[list[inspect.Parameter], dict[str, Any]]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
        annotated = inspect.unwrap(function)
        if not hasattr(annotated, "__annotations__"):  # an object with __call__, or a partial
            annotated = getattr(annotated, "func", None) or type(annotated).__call__
        return parameters, get_type_hints(annotated, include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            f"{name}: an annotation cannot be resolved: {error}. Expected names of the module, imported outside of "
            "TYPE_CHECKING."
        ) from error
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{name}: expected a function with a signature: {error}") from error


def _is_event(kind: Any, where: str, *, batch: bool) -> bool:
    item = get_args(kind)[0] if get_origin(kind) in _LISTS and get_args(kind) else None
    found = item if batch else kind
    if found in _EVENTS:
        return True
    if (kind if batch else item) in _EVENTS:
        expected = f"list[{kind.__name__}], because of batch=" if batch else "an event, or batch= beside the list"
        raise ConfigurationError(f"{where}: expected {expected}.")
    return False


def _codec(kind: Any, where: str, declared: Codec | None, *, batch: bool) -> Codec | None:
    """Return the codec of one event's data, for a parameter annotated with `kind`."""
    if batch and kind is not Any:
        if (get_origin(kind) or kind) not in _LISTS:
            raise ConfigurationError(f"{where}: expected list[...], because of batch=; got {kind!r}.")
        kind = get_args(kind)[0] if get_args(kind) else Any
    if kind in (Any, object):
        return declared
    try:
        return codec_of(kind)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error
