"""`pubsubclient.aio` has the names of `pubsubclient`: a name or an argument that only one of them has fails here."""

from __future__ import annotations

import collections.abc
import inspect
import re
from typing import Any

import pytest

import pubsubclient
from pubsubclient import aio
from pubsubclient.aio._stream import EventStream

#: what the two do not share: an app's worker awaits its ``async def`` handlers, and these are for handlers; the version is one
_NOT_OF_AIO = {"App", "Pause", "Reject", "Retry", "__version__"}
#: what makes no request
_SAME = {
    "Any", "BatchClosed", "ConfigurationError", "Conflict", "Event", "Explanation", "Finding", "Forbidden", "Identity",
    "IdentityError", "InvalidArgument", "LeaseState", "LogState", "NotFound", "PubSubError", "PublishError",
    "PublishRefused", "PublishUnavailable", "PublishUnknown", "Receipt", "Service", "ServiceError", "SubscriberState",
    "SubscriptionState", "TooLarge", "Topic", "TopicState", "Unavailable", "configure",
}  # fmt: skip
_AWAITED = sorted(set(pubsubclient.__all__) - _NOT_OF_AIO - _SAME)
_CLASSES = [name for name in _AWAITED if inspect.isclass(getattr(pubsubclient, name))]
#: what classes have for this package alone
_INTERNAL = {"Batch": {"abandon", "service"}, "Outcomes": {"extend_lease"}}
#: the classes that programs make themselves
_MADE = {"Publisher", "Subscriber"}
_ITERATED = re.compile(r"^(?:Async)?(?:Generator|Iterator)\[(\w+)(?:, None)*\]$")


def _methods(of: Any) -> dict[str, Any]:
    """The public methods and properties, inherited ones of this package too."""
    names = {
        name: value
        for kind in reversed(of.__mro__)
        if kind.__module__.startswith("pubsubclient") and kind.__name__ != "OutcomeSender"
        for name, value in vars(kind).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    }
    return names if of.__name__ not in _MADE else {**names, "__init__": of.__init__}


def _annotation(annotation: Any) -> str:
    """An annotation, without what tells whether it is awaited."""
    text = str(annotation).replace("Concurrent", "")
    if text == "EventStream":  # what `Subscriber.events` returns: an AsyncIterator[ReceivedEvent]
        return "Iterator of ReceivedEvent"
    found = _ITERATED.match(text)
    return f"Iterator of {found[1]}" if found else re.sub(r"^Future\[(\w+)\]$", r"\1", text)


def _signature(of: Any) -> list[tuple[str, str, Any, str]]:
    """The parameters with kinds, defaults and annotations, and the annotation of what is returned."""
    signature = inspect.signature(of.fget if isinstance(of, property) else of)
    found = [
        (one.name, one.kind.name, one.default, _annotation(one.annotation)) for one in signature.parameters.values()
    ]
    return [*found, ("return", "", None, _annotation(signature.return_annotation))]


def test_every_public_name_is_there() -> None:
    """A name that is new makes requests, or is the same."""
    assert set(aio.__all__) == set(pubsubclient.__all__) - _NOT_OF_AIO
    assert {name for name in aio.__all__ if getattr(aio, name) is getattr(pubsubclient, name)} == _SAME
    assert {getattr(aio, name).__module__ for name in _AWAITED} == {"pubsubclient.aio"}


@pytest.mark.parametrize("name", _CLASSES)
def test_a_class_has_the_methods_of_its_namesake(name: str) -> None:
    """And attributes, where these are of the class."""
    here, there = _methods(getattr(aio, name)), _methods(getattr(pubsubclient, name))
    assert set(here) == set(there) - _INTERNAL.get(name, set())
    for method, ours in here.items():
        assert isinstance(ours, property) == isinstance(there[method], property), method
        assert _signature(ours) == _signature(there[method]), method
        assert ours.__doc__ or method == "__init__", method


@pytest.mark.parametrize("name", sorted(set(_AWAITED) - set(_CLASSES)))
def test_a_function_has_the_signature_of_its_namesake(name: str) -> None:
    here = getattr(aio, name)
    assert _signature(here) == _signature(getattr(pubsubclient, name))
    assert inspect.iscoroutinefunction(here) or inspect.isasyncgenfunction(here)


def test_what_sends_requests_is_awaited() -> None:
    """What returns something to be entered or iterated sends its requests then; what only records sends none."""
    plain = {
        f"{name}.{method}"
        for name in _CLASSES
        for method, value in vars(getattr(aio, name)).items()
        if not method.startswith("_") and callable(value)
        if not inspect.iscoroutinefunction(value) and not inspect.isasyncgenfunction(value)
    }
    assert plain == {
        "Outcomes.ack", "Outcomes.extend", "Outcomes.nack", "Outcomes.release", "Publisher.batch", "Subscriber.events",
        "Subscriber.outcomes", "Subscriber.pull",
    }  # fmt: skip


def test_peeks_have_the_same_attributes() -> None:
    """Those of the dataclass."""
    fields = {name for name in pubsubclient.Peek.__dataclass_fields__ if not name.startswith("_")}
    source = inspect.getsource(aio.Peek.__init__)
    assert set(re.findall(r"self\.([a-z]\w*)\b", source)) == fields


def test_a_loop_is_an_async_iterator() -> None:
    assert aio.Subscriber.events.__annotations__["return"] == EventStream.__name__
    assert issubclass(EventStream, collections.abc.AsyncIterator)
