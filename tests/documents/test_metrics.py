"""Each metric, member of a log line and attribute of a span has its place in the documentation, and nothing else has one."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from unittest.mock import create_autospec

import pytest
from opentelemetry.metrics import Meter, MeterProvider

from documents.reading import ROOT, listed, page
from pubsubclient import Subscriber, otel
from pubsubclient._otel import conventions
from pubsubservice.core import request_log
from pubsubservice.core.meter import Meter as Operations

TELEMETRY = page("telemetry.md")
TERRAFORM = (ROOT / "terraform" / "monitoring.tf").read_text(encoding="utf-8")


def _metrics() -> set[str]:
    """The names of the instruments that the client makes."""
    meter = create_autospec(Meter, instance=True)
    provider = create_autospec(MeterProvider, instance=True)
    provider.get_meter.return_value = meter
    otel.instrument(meter_provider=provider)
    otel.uninstrument()
    otel.measure(Subscriber("billing", register=False, service="http://127.0.0.1:9"), provider)
    return {call.args[0] for call in meter.method_calls if call[0].startswith("create_")}


def test_each_metric_of_the_client_is_explained() -> None:
    assert listed(TELEMETRY, "metric") == [_metrics()]


def test_only_the_client_makes_metrics() -> None:
    """In the places that the test above goes through."""
    instrument = re.compile(r"\.create_(?:observable_)?(?:counter|gauge|histogram|up_down_counter)\(")
    files = [file for folder in ("client", "functions", "emulator") for file in (ROOT / folder).rglob("*.py")]
    makers = {file.stem for file in files if instrument.search(file.read_text(encoding="utf-8"))}
    assert makers == {"otel", "operations"}


def test_each_attribute_of_a_span_is_explained() -> None:
    (said,) = re.findall(r"^Attributes: .*?\n\n", TELEMETRY, re.MULTILINE | re.DOTALL)
    values = {name: value for name, value in vars(conventions).items() if isinstance(value, str) and name.isupper()}
    dotted = {value for value in values.values() if "." in value and not value.startswith("https:")}
    assert set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", said)) == dotted - _metrics()


def test_each_operation_has_its_span() -> None:
    (table,) = listed(TELEMETRY, "span")
    assert {name.partition(" ")[0] for name in table} == conventions.TYPES.keys()


def _of_a_request() -> None:
    request_log.log_request("publish", 200, {}, Operations(), 1.0)


def _of_a_subscription() -> None:
    request_log.log_subscription("billing", "orders", 0, None, dead=0, dropped=0)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[Callable[[], None]], set[str]]:
    """Returns the members of the line that a function logs."""

    def members(log: Callable[[], None]) -> set[str]:
        with caplog.at_level(logging.INFO, logger="pubsubservice.request"):
            log()
        return set(json.loads(caplog.records[-1].message))

    return members


def test_each_member_of_a_log_line_is_explained(logged: Callable[[Callable[[], None]], set[str]]) -> None:
    """Those that both lines have stand in the first table alone."""
    request, subscription = logged(_of_a_request), logged(_of_a_subscription)
    assert listed(page("settings.md"), "member") == [request, subscription - request]


def test_each_metric_of_the_cloud_is_explained(logged: Callable[[Callable[[], None]], set[str]]) -> None:
    """It is taken out of a member that the log line has."""
    (block,) = re.findall(r"^  subscription_metrics = \{\n(.*?)^  \}", TERRAFORM, re.MULTILINE | re.DOTALL)
    made = dict(re.findall(r'^    (\w+) += \{ field = "(\w+)"', block, re.MULTILINE))
    assert len(made) == len(block.splitlines())
    assert set(re.findall(r"`NAME/(\w+)`", page("settings.md"))) == made.keys()
    assert set(made.values()) <= logged(_of_a_subscription)
