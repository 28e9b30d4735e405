"""What `pubsub tail`, `get`, `ls`, `explain`, `dead` and `redrive` show, and that looking changes nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command_line.conftest import COMMAND, Run, start
from command_line.faulty import closed_port
from e2e.serving import Serving, environment
from pubsubclient import Event, Publisher, Subscriber


def _publish(topic: str, count: int, **members: str) -> None:
    Publisher("looking").publish([Event(topic, number, **members) for number in range(count)])


def _data(out: str) -> list[object]:
    return [json.loads(line)["data"] for line in out.splitlines()]


def test_tail_shows_the_newest_events_and_makes_no_name(run: Run, name: str) -> None:
    _publish(f"{name}.a", 8)
    _publish(f"{name}.b", 8)
    before = run("ls", "--names").out
    assert _data(run("tail", f"{name}.a", "-n", "3", "--json").out) == [5, 6, 7]
    assert _data(run("tail", f"{name}.a", "--json").out) == list(range(8))
    assert _data(run("tail", f"{name}.*", "--json").out) == [6, 7, *range(8)]
    assert _data(run("tail", f"{name}.*", "--since", "1h", "--count", "9", "--json").out) == [*range(8), 0]
    assert run("tail", f"{name}.a", "--grep", '"data": [13]', "-o", "data").out == "1\n3\n"
    assert run("tail", f"{name}.a", "-n", "1", "-o", "sequence").out == f"0000-{7:020d}\n"
    assert run("ls", "--names").out == before


def test_tail_filters_at_the_service(run: Run, name: str) -> None:
    _publish(name, 2, type="order.placed")
    _publish(name, 2, type="order.paid")
    for text in ('{"exact": {"type": "order.paid"}}', '[{"exact": {"type": "order.paid"}}]'):
        done = run("tail", name, "--since", "1h", "--filter", text, "--json")
        assert [record["type"] for record in done.records] == ["order.paid"] * 2


def test_tail_says_what_it_cost(run: Run, name: str) -> None:
    _publish(name, 1)
    done = run("tail", name)
    assert done.out.endswith(f"  {name}  event  0\n")
    assert done.err.startswith("1 event; this cost ")
    assert " in Firestore)" in done.err
    assert run("tail", name, "--quiet").err == ""


def test_tail_that_reaches_no_service_says_no_cost(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("tail", "t", "-s", f"http://127.0.0.1:{closed_port()}", "--timeout", "0.5").err.count("\n") == 1
    monkeypatch.delenv("PUBLISH_SUBSCRIBE_SERVICE")
    done = run("tail", "t")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("pubsub tail: No service is named.")
    assert done.err.count("\n") == 1


def test_tail_follows_until_it_is_ended(run: Run, name: str, shared: Serving) -> None:
    """Across the events that were there: each comes once."""
    _publish(name, 3)
    process = start(["tail", name, "--follow", "-n", "2", "--json"], shared.url)
    assert process.stdout is not None
    assert [json.loads(process.stdout.readline())["data"] for _ in range(2)] == [1, 2]
    _publish(name, 2)
    assert [json.loads(process.stdout.readline())["data"] for _ in range(2)] == [0, 1]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


def test_a_reader_that_ends_early_is_no_failure(run: Run, name: str, shared: Serving) -> None:
    """`pubsub tail | head` ends with 0, also while it follows."""
    _publish(name, 500)
    for more in ("--no-follow", "--follow"):
        program = f"{{ {' '.join(COMMAND)} tail {name} -n 500 {more}; echo $? >&2; }} | head -2"
        done = subprocess.run(
            ["bash", "-c", program], capture_output=True, text=True, check=True, timeout=60,
            env=environment(PUBLISH_SUBSCRIBE_SERVICE=shared.url),
        )  # fmt: skip
        assert len(done.stdout.splitlines()) == 2
        assert done.stderr.splitlines()[-1] == "0"
        assert "Traceback" not in done.stderr


def test_get_acknowledges_what_it_wrote(run: Run, name: str) -> None:
    run("subscribe", name, f"{name}.t")
    _publish(f"{name}.t", 5)
    assert _data(run("get", name, "-n", "2", "--json").out) == [0, 1]
    assert _data(run("get", name, "--no-ack", "--json").out) == [2, 3, 4]
    assert _data(run("get", name, "--json").out) == [2, 3, 4]
    assert run("get", name, "--json").out == ""


def test_get_settles_by_the_exit_code_of_a_command(run: Run, name: str, tmp_path: Path) -> None:
    """Which gets the event on its standard input."""
    run("subscribe", name, f"{name}.t", "--max-attempts", "1")
    _publish(f"{name}.t", 3)
    program = tmp_path / "odd.py"
    program.write_text("import json, sys; sys.exit(json.load(sys.stdin)['data'] % 2)")
    assert run("get", name, "--exec", f"{sys.executable} {program}", "-n", "3").code == 0
    run("get", name)
    (letter,) = run("dead", name, "--json").records
    assert letter["data"] == 1
    assert letter["reason"].endswith("odd.py exited with 1")


def test_get_gives_back_what_its_reader_did_not_take(run: Run, name: str, shared: Serving) -> None:
    run("subscribe", name, f"{name}.t")
    _publish(f"{name}.t", 900)
    program = f"{' '.join(COMMAND)} get {name} --json | head -1"
    subprocess.run(
        ["bash", "-c", program], capture_output=True, check=True, timeout=60,
        env=environment(PUBLISH_SUBSCRIBE_SERVICE=shared.url),
    )  # fmt: skip
    assert _data(run("get", name, "--json").out) == list(range(900))


def test_dead_letters_are_listed_and_redriven(run: Run, name: str) -> None:
    run("subscribe", name, f"{name}.*", "--max-attempts", "1")
    _publish(f"{name}.a", 2)
    run("get", name, "--nack", "card declined")
    _publish(f"{name}.b", 1)
    run("get", name, "--nack", "timeout")
    run("get", name)
    shown = run("dead", name).out.splitlines()
    assert shown[0].split() == ["EVENT", "FAILED", "ATTEMPTS", "REASON", "REDRIVEN", "DATA"]
    assert [line.split()[0] for line in shown[1:]] == [f"{name}.a/0/0", f"{name}.a/0/1", f"{name}.b/0/0"]
    assert run("redrive", name, "--dry-run").out == "3 events would be redriven\n"
    assert run("redrive", name, "--reason", "^time", "--yes", "--json").records == [{"redriven": 1}]
    assert run("redrive", name, f"{name}.a", "--max", "1", "--yes").out == "1 event redriven\n"
    assert [letter["redriven"] for letter in run("dead", name, "--json").records] == [True, False, True]
    assert sorted(event["topic"] for event in run("get", name, "--json").records) == [f"{name}.a", f"{name}.b"]
    assert run("redrive", name, "--yes").out == "1 event redriven\n"
    assert run("redrive", name, "--yes").out == "0 events redriven\n"


def test_ls_shows_how_they_are(run: Run, name: str) -> None:
    run("subscribe", name, f"{name}.t")
    _publish(f"{name}.t", 3)
    run("get", name, "-n", "1")
    heads, row = run("ls", "subscribers", name).out.splitlines()
    assert heads.split() == ["SUBSCRIBER", "TOPICS", "BACKLOG", "OLDEST", "LEASED", "DUE", "DELAYED", "DEAD"]
    assert row.split()[:3] == [name, "1", "2"]
    heads, row = run("ls", "topics", f"{name}*").out.splitlines()
    assert heads.split() == ["TOPIC", "PARTITIONS", "RETENTION", "EVENTS", "NEWEST"]
    assert row.split()[:4] == [f"{name}.t", "1", "7d", "3"]
    assert run("ls", "topics", "--names", f"{name}*").out == f"{name}.t\n"


def test_explain_asks_everyone(run: Run, name: str) -> None:
    for each in ("one", "two"):
        run("subscribe", f"{name}-{each}", f"{name}.t")
    _publish(f"{name}.t", 1)
    run("get", f"{name}-one")
    sequence = f"0000-{0:020d}"
    assert (
        run("explain", f"{name}-one", f"{name}.t", sequence).out
        == f"{name}.t {sequence} is settled (subscriber {name}-one)\n"
    )
    states = {
        record["subscriber"]: record["state"]
        for record in run("explain", "--all", f"{name}.t", sequence, "--json").records
    }
    assert states == {f"{name}-one": "settled", f"{name}-two": "not_read"}


def test_foreign_text_cannot_disturb_a_terminal(run: Run, name: str) -> None:
    Publisher("looking").publish(Event(name, "\x1b[2J\u202egnp.exe\nnext", type="a\u202eb"))
    out = run("tail", name).out
    assert out.count("\n") == 1
    assert out.rstrip("\n").isprintable()
    assert "\\x1b[2J\\u202egnp.exe next" in out


@pytest.mark.parametrize("columns", [40, 80])
def test_tables_fit_the_terminal(run: Run, name: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a row does not fit, it is shown as lines."""
    run("subscribe", name, f"{name}.t")
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run("ls", "subscribers", name).out.splitlines()
    assert max(map(len, lines)) <= columns
    assert len(lines) == (2 if columns == 80 else 8)


def test_the_emulators_meter_is_a_table(run: Run, name: str) -> None:
    _publish(name, 1)
    heads, *rows = run("cost").out.splitlines()
    assert heads.split() == ["FUNCTION", "CALLS", "PROBLEMS", "READS", "WRITES", "DELETES", "MS", "$"]
    assert {row.split()[0] for row in rows} >= {"publish", "register", "all"}
    assert run("cost", "--since", "1h", "--json").records[0]["calls"]["publish"]["writes"] >= 1


def test_a_subscriber_is_moved_and_kept(run: Run, name: str) -> None:
    run("subscribe", name, f"{name}.t")
    _publish(f"{name}.t", 3)
    run("get", name)
    for place, data in (("earliest", [0, 1, 2]), ("latest", []), (f'["0000-{2:020d}"]', [2]), ("1h", [0, 1, 2])):
        assert run("seek", name, f"{name}.t", place, "--yes").code == 0
        assert _data(run("get", name, "--json").out) == data
    assert run("unsubscribe", name, f"{name}.t").code == 0
    with Subscriber(name) as subscriber:
        assert subscriber.state().subscriptions == ()


def test_removed_names_are_gone(run: Run, name: str) -> None:
    """And what they would drop is said before."""
    run("subscribe", name, f"{name}.t")
    _publish(f"{name}.t", 2)
    run("publish", f"{name}.t", "1", "--publisher", f"{name}-shop")
    assert f"Remove the subscriber {name}? It would drop 3 events." in run("rm", "subscriber", name).err
    assert run("rm", "subscriber", name, "-y").out == f"subscriber {name} is removed\n"
    assert run("rm", "publisher", f"{name}-shop", "-y").out == f"publisher {name}-shop is removed\n"
    assert [record for record in run("ls", "--names", "--json").records if name in str(record)] == [
        {"topic": f"{name}.t"}
    ]
