"""`pubsub publish`: which lines are stored, and what is said of them, also when it is killed."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from command_line.conftest import COMMAND, Run, start
from e2e.serving import Serving, environment
from pubsubclient import Publisher, ReceivedEvent, Subscriber


def _all(topic: str) -> list[ReceivedEvent]:
    """The events of a topic."""
    with Subscriber(f"{topic}-reader") as subscriber:
        subscriber.subscribe(topic)
        return list(subscriber.get_events(wait=1))


def test_data_are_json_and_the_sequence_is_said(run: Run, name: str) -> None:
    for text in ('{"n": 1.0}', "9223372036854775807", "null"):
        assert run("publish", name, text).code == 0
    assert run("publish", name, "--text", "{").out == f"0000-{3:020d}\n"
    assert [event.data for event in _all(name)] == [{"n": 1.0}, 2**63 - 1, None, "{"]


def test_options_are_members_of_the_event(run: Run, name: str) -> None:
    line = ["--type", "order.placed", "--subject", "18", "-a", "region=eu", "--id", "7", "--publisher", f"{name}-shop"]
    assert run("publish", name, "1", *line).code == 0
    (event,) = _all(name)
    assert (event.type, event.subject, event.attributes, event.id) == ("order.placed", "18", {"region": "eu"}, "7")
    assert event.source == f"/publishers/{name}-shop"


def test_a_delay_keeps_it_away(run: Run, name: str) -> None:
    assert run("publish", name, "1", "--delay", "1h").code == 0
    assert _all(name) == []


def test_each_line_is_an_event(run: Run, name: str, tmp_path: Path) -> None:
    """Of stdin and of a file; empty lines are none, and count as lines."""
    done = run("publish", name, "--json", stdin="1\n\n[2]\r\n3")
    assert [record["line"] for record in done.records] == [1, 3, 4]
    (tmp_path / "lines").write_text("4\n")
    assert run("publish", name, "-f", "lines").err.startswith("1 event published")
    assert [event.data for event in _all(name)] == [1, [2], 3, 4]


def test_events_of_get_can_be_published_elsewhere(run: Run, name: str) -> None:
    """As they are, with id and source."""
    Publisher(name).publish(name, {"n": 1}, type="order.placed", attributes={"region": "eu"})
    run("subscribe", f"{name}-s", name)
    lines = run("get", f"{name}-s", "--json").out
    assert run("publish", f"{name}.copy", "--cloudevents", stdin=lines).code == 0
    (copy,), (event,) = _all(f"{name}.copy"), _all(name)
    assert (copy.id, copy.source, copy.data, copy.attributes) == (event.id, event.source, event.data, event.attributes)


@pytest.mark.parametrize("before", [0, 3, 1_500])
def test_a_line_that_is_no_json_is_named(run: Run, name: str, before: int) -> None:
    """What came before it is stored; nothing after it is."""
    lines = "".join(f"{number}\n" for number in range(before))
    done = run("publish", name, "--json", stdin=f"{lines}oops\n9\n")
    assert (done.code, done.error["line"]) == (6 if before else 2, before + 1)
    assert [record["line"] for record in done.records] == list(range(1, before + 1))
    assert [event.data for event in _all(name)] == list(range(before))


@pytest.mark.parametrize("before", [0, 700])
def test_a_line_that_the_service_refuses_is_named(run: Run, name: str, before: int) -> None:
    """Here an event with an attribute that cannot be."""
    head = '{"specversion": "1.0", "type": "event", "source": "/here"'
    lines = "".join(f'{head}, "id": "{number}", "data": {number}}}\n' for number in range(before))
    bad = f'{head}, "id": "bad", "No-Name": 1}}\n{head}, "id": "behind"}}\n'
    done = run("publish", name, "--cloudevents", "--json", stdin=lines + bad)
    assert (done.code, done.error["line"]) == (6 if before else 1, before + 1)
    assert [event.data for event in _all(name)] == list(range(before))


def test_a_rate_is_kept(run: Run, name: str) -> None:
    done = run("publish", name, "--rate", "40", stdin="1\n" * 20)
    took_s = float(done.err.split(" in ")[1].split()[0])
    assert took_s >= 0.4
    assert len(_all(name)) == 20


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_what_was_said_is_stored(run: Run, name: str, number: signal.Signals, shared: Serving) -> None:
    """However it ends: `seq 100000 | pubsub publish` is killed in the middle."""
    lines = subprocess.Popen(["seq", "100000"], stdout=subprocess.PIPE)
    process = start(["publish", name], shared.url, stdin=lines.stdout)
    assert lines.stdout is not None
    lines.stdout.close()
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(2_000)]
    process.send_signal(number)
    rest, err = process.communicate(timeout=60)
    lines.wait(60)
    assert process.returncode == (-number if number == signal.SIGKILL else 130)
    assert "Traceback" not in err
    # a line that a kill has cut is not said
    said += rest[: rest.rfind("\n") + 1].splitlines(keepends=True)
    assert 2_000 <= len(said) < 100_000
    assert run("subscribe", f"{name}-all", name).code == 0
    for line in (said[0], said[-1]):
        (found,) = run("explain", "--json", f"{name}-all", name, line.strip()).records
        assert found["state"] == "not_read"
    assert said == [f"0000-{number:020d}\n" for number in range(len(said))]


def test_a_reader_that_ends_early_stops_no_event(name: str, shared: Serving, run: Run) -> None:
    """`seq 3000 | pubsub publish t | head -1` publishes all of them."""
    program = f"seq 3000 | {{ {' '.join(COMMAND)} publish {name}; echo $? >&2; }} | head -1"
    variables = environment(PUBLISH_SUBSCRIBE_SERVICE=shared.url)
    done = subprocess.run(
        ["bash", "-c", program], capture_output=True, text=True, env=variables, check=True, timeout=60
    )
    assert done.stdout == f"0000-{0:020d}\n"
    assert done.stderr.splitlines()[-1] == "0"
    assert len(_all(name)) == 3_000


def test_an_interrupt_while_it_waits_for_a_line(name: str, shared: Serving) -> None:
    """It ends as an interrupted command does, although a thread is reading standard input."""
    with start(["publish", name], shared.url, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("1\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"0000-{0:020d}\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_closed_standard_input(name: str, shared: Serving) -> None:
    line = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "publish", name]
    variables = environment(PUBLISH_SUBSCRIBE_SERVICE=shared.url)
    done = subprocess.run(line, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Standard input is closed" in done.stderr
