"""What the package promises to whoever imports it."""

from __future__ import annotations

from importlib.resources import files

import pubsubclient
from unit.sdk.programs import run_program

PUBLIC = {
    "Any", "App", "Batch", "BatchClosed", "ConfigurationError", "Conflict", "Event", "Events", "Explanation", "Finding",
    "Forbidden", "Identity", "IdentityError", "InvalidArgument", "LeaseState", "LogState", "NotFound", "Outcomes",
    "Pause", "Peek", "PubSubError", "PublishError", "PublishRefused", "PublishUnavailable", "PublishUnknown", "Publisher",
    "Receipt", "ReceivedEvent", "Reject", "Retry", "Service", "ServiceError", "Subscriber", "SubscriberState",
    "SubscriptionState", "TooLarge", "Topic", "TopicState", "Unavailable", "__version__", "configure", "doctor", "peek",
    "subscribers", "topics",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    """A name more is a promise, a name less is a break."""
    assert set(pubsubclient.__all__) == PUBLIC
    assert all(hasattr(pubsubclient, name) for name in PUBLIC)


def test_every_public_name_is_explained() -> None:
    """In its docstring."""
    for name in PUBLIC - {"__version__"}:
        assert getattr(pubsubclient, name).__doc__, name


def test_the_package_says_that_it_is_typed() -> None:
    """Otherwise type checkers do not look."""
    assert (files("pubsubclient") / "py.typed").is_file()


def test_importing_it_brings_requests_and_nothing_of_the_service() -> None:
    """With the first name that is used, not before: nor does it reach for the network, or start a thread.

    Nor does it bring a module of an extra, an event loop, or what apps are made of.
    """
    code = (
        # orjson, of the extra fast, is looked for at once; what it or requests bring is not ours
        "import sys, threading, pubsubclient; assert 'requests' not in sys.modules; "
        "import requests; before = set(sys.modules); "
        "pubsubclient.Publisher; "
        "assert 'requests' in sys.modules; "
        "assert not {'pubsubservice', 'pubsub_emulator', 'msgspec', 'flask', 'grpc', 'pydantic', 'attrs', 'asyncio', "
        "'typing_extensions', 'http.server'} & (set(sys.modules) - before); "
        "assert threading.active_count() == 1; "
        "assert 'pubsubclient._app.app' not in sys.modules; "
        "assert repr(pubsubclient.App) == \"<class 'pubsubclient.App'>\"; "
        "assert not hasattr(pubsubclient, 'Ap')"
    )
    ran = run_program(code, "")
    assert ran.returncode == 0, ran.stderr
