"""`pubsub seed` and `--seed`: a file's topics, subscriptions and events, once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from command_line.conftest import Run, start
from e2e.serving import Serving
from pubsubclient import Subscriber

_FILE = """
topics:
  NAME.clicks: {partitions: 4, retention: 1d}
  NAME.orders:
subscribers:
  NAME-billing: [{topic: "NAME.orders", max_attempts: 3, backoff: 2, filters: [{prefix: {type: order.}}]}]
  NAME-audit: [{topic: "NAME.>", ordered: true}]
events:
  - {topic: NAME.orders, publisher: NAME-shop, type: order.placed, data: {number: 1}}
  - {topic: NAME.orders, publisher: NAME-shop, type: order.paid, file: orders.jsonl}
  - {topic: NAME.new, publisher: NAME-shop}
"""


@pytest.fixture
def file(tmp_path: Path, name: str) -> Path:
    """A seed file, with a file of events beside it."""
    (tmp_path / "orders.jsonl").write_text('{"number": 2}\n\n{"number": 3}\n')
    path = tmp_path / "seed.yaml"
    path.write_text(_FILE.replace("NAME", name))
    return path


def test_all_is_made_once(run: Run, name: str, file: Path) -> None:
    """A second run, and one after topics have been consumed, adds nothing."""
    assert run("seed", "seed.yaml").out == "seed.yaml: 2 topics, 2 subscriptions, 4 events\n"
    assert run("seed", "seed.yaml", "--json").records == [{"topics": 2, "subscriptions": 2, "events": 0}]
    (topic,) = run("describe", "topic", f"{name}.clicks", "--json").records
    assert (topic["partitions"], topic["retention_s"]) == (4, 86_400)
    with Subscriber(f"{name}-billing") as billing:
        (state,) = billing.state().subscriptions
        assert (state.max_attempts, state.backoff, list(state.filters)) == (3, 2, [{"prefix": {"type": "order."}}])
        assert [(event.type, event.data) for event in billing.get_events()] == [
            ("order.placed", {"number": 1}), ("order.paid", {"number": 2}), ("order.paid", {"number": 3}),
        ]  # fmt: skip
    with Subscriber(f"{name}-audit") as audit:
        assert [event.topic for event in audit.get_events()] == [f"{name}.orders"] * 3 + [f"{name}.new"]
    assert run("seed", "seed.yaml", "--json").records[0]["events"] == 0


def test_checking_makes_nothing(run: Run, name: str, file: Path) -> None:
    assert run("seed", "seed.yaml", "--check", "-s", "http://127.0.0.1:1").code == 0
    assert run("ls", "topics", f"{name}*", "--json").records == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("topics: [a]", "Expected `object`, got `array` - at `$.topics`"),
        ("topic: {}", "unknown field `topic`"),
        ("topics: {a..b: {}}", "topics.a..b: "),
        ("topics: {a: {retention: soon}}", "topics.a.retention: "),
        ("topics: {a: {partitions: many}}", "Expected `int | null`, got `str` - at `$.topics[...].partitions`"),
        ("subscribers: {s: [{topic: t, max_attempts: 0}]}", "subscribers.s[0]: max_attempts: expected 1 to 100"),
        ("subscribers: {s: [{topic: t}, {topic: t, start: never}]}", "subscribers.s[1]: 'never': expected earliest"),
        ("events: [{topic: t, data: .nan}]", "events[0]: "),
        ("events: [{topic: t, file: nothing.jsonl}]", "events[0]: "),
        ("events: [{topic: t, data: 1, file: orders.jsonl}]", "events[0]: data and file exclude each other"),
        ("events: [{data: 1}]", "missing required field `topic`"),
        ("topics: {a", "while parsing a flow mapping"),
    ],
)
def test_a_fault_is_one_line_with_its_path(run: Run, file: Path, text: str, says: str) -> None:
    file.write_text(text)
    done = run("seed", "seed.yaml")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("pubsub seed: seed.yaml: ")
    assert says in done.err


def test_the_schema_describes_the_file(run: Run) -> None:
    schema = json.loads(run("seed", "--schema").out)
    assert schema["$defs"]["Seed"]["properties"].keys() == {"topics", "subscribers", "events"}


def test_an_emulator_has_it_before_it_is_ready(name: str, file: Path, run: Run) -> None:
    process = start(["emulator", "--port", "0", "--ephemeral", "--seed", "seed.yaml"], "", cwd=file.parent)
    assert process.stdout is not None
    url = process.stdout.readline().removeprefix("pubsub emulator ready: ").strip()
    try:
        assert len(run("tail", f"{name}.orders", "-s", url, "--json").records) == 3
    finally:
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "seeded 2 topics, 2 subscriptions, 4 events" in err


def test_a_command_beside_an_emulator_has_it_too(name: str, file: Path) -> None:
    program = "import os; print(os.environ['PUBLISH_SUBSCRIBE_SERVICE'])"
    command = ["exec", "--seed", "seed.yaml", "--", sys.executable, "-c", program]
    process = start(command, "", cwd=file.parent)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("command", [["emulator", "--ephemeral"], ["exec", "--", "true"]])
def test_a_faulty_file_starts_nothing(command: list[str], file: Path, shared: Serving) -> None:
    file.write_text("topics: []")
    own, *rest = command
    process = start([own, "--seed", "seed.yaml", *rest], "", cwd=file.parent)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.count("\n")) == (2, "", 1)
    assert f"pubsub {own}: seed.yaml: Expected `object`" in err
