"""What the end of a program settles, by how it ends; each program is a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import pubsubclient
from unit.sdk.programs import run_program, start_program
from unit.sdk.scripted import BREAK_OFF, HANG, ScriptedService, event, lease

GET = """
from pubsubclient import Subscriber
subscriber = Subscriber("billing")
events = subscriber.get_events()
"""


def settled(server: ScriptedService) -> list[dict[str, Any]]:
    """What was settled after the first call, which got an event; its token reads "T"."""
    first, *later = server.calls("get_events")
    text = repr([{k: v for k, v in body.items() if k in ("ack", "nack", "release")} for body in later])
    replaced: list[dict[str, Any]] = eval(text.replace(first["lease"], "T"))
    return replaced


WHOLE = [{"lease": "T"}]


@pytest.mark.parametrize(
    ("ending", "settlement"),
    [
        ("", {"ack": WHOLE}),
        ("import sys; sys.exit()", {"ack": WHOLE}),
        ("import sys; sys.exit(0)", {"ack": WHOLE}),
        ("import sys; sys.exit(1)", {"nack": WHOLE}),
        ("import sys; sys.exit('no database')", {"nack": WHOLE}),
        ("import argparse; argparse.ArgumentParser().parse_args(['--what'])", {"nack": WHOLE}),
        ("import sys\ntry:\n    sys.exit(1)\nexcept SystemExit:\n    pass", {"ack": WHOLE}),
        ("def main():\n    import sys\n    sys.exit(2)\nmain()", {"nack": WHOLE}),
        ("raise SystemExit(1)", {"release": WHOLE}),  # nobody can see the status of what is raised by hand
        ("raise SystemExit(0)", {"release": WHOLE}),
        ("quit(1)", {"release": WHOLE}),
        ("import sys; sys.excepthook = lambda *of: None; 1 / 0", {"nack": WHOLE}),
        ("import threading; t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()", {"ack": WHOLE}),
        ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass", {"ack": WHOLE}),
        ("1 / 0", {"nack": WHOLE}),
        ("raise KeyboardInterrupt", {"release": WHOLE}),
        ("del subscriber, events", {"ack": WHOLE}),
        ("events[0].ack(); 1 / 0", {"ack": [{"lease": "T", "events": [["orders", "0000-00000000000000000001"]]}]}),
    ],
    ids=lambda value: value.replace("\n", " ")[:60] or "end" if isinstance(value, str) else "",
)
def test_the_end_of_a_program_settles_what_it_has_in_hand(
    server: ScriptedService, ending: str, settlement: dict[str, Any]
) -> None:
    """Once, in one request."""
    server.script("get_events", lease(event(1)))
    ran = run_program(GET + ending, server.url)
    assert settled(server) == [settlement], ran.stderr


@pytest.mark.parametrize(
    "ending",
    ["subscriber.close()", "import os; os._exit(0)", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"],
)
def test_other_ends_settle_nothing_more(server: ScriptedService, ending: str) -> None:
    """What was closed is settled; what was killed comes again by itself."""
    server.script("get_events", lease(event(1)))
    run_program(GET + ending, server.url)
    assert settled(server) == ([{"ack": WHOLE}] if "close" in ending else [])


def test_what_other_threads_have_in_hand_is_released_at_the_end(server: ScriptedService) -> None:
    """Nobody knows how far they are."""
    program = """
import threading
from pubsubclient import Subscriber
subscriber = Subscriber("billing")
thread = threading.Thread(target=subscriber.get_events)
thread.start()
thread.join()
"""
    server.script("get_events", lease(event(1)))
    assert run_program(program, server.url).returncode == 0
    assert settled(server) == [{"release": WHOLE}]


def test_ctrl_c_while_waiting_acknowledges_what_was_done_and_releases_what_was_asked_for(
    server: ScriptedService,
) -> None:
    """The wait may have been over just then."""
    server.script("get_events", lease(event(1)), HANG)
    with start_program(GET + "subscriber.get_events(wait=20)", server.url) as program:
        while len(server.calls("get_events")) < 2:
            assert program.poll() is None
            time.sleep(0.01)
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert program.returncode != 0
    waited = server.calls("get_events")[1]
    assert settled(server)[-1] == {"ack": WHOLE, "release": [{"lease": waited["lease"]}]}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_inherits_nothing_in_hand_and_no_connection(server: ScriptedService) -> None:
    """Whatever it does, its parent's events are its parent's."""
    program = """
import os
pid = os.fork()
if pid == 0:
    subscriber.get_events()
    subscriber.close()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
subscriber.close()
"""
    server.script("get_events", lease(event(1)))
    ran = run_program(GET + program, server.url)
    assert ran.returncode == 0, ran.stderr
    assert settled(server) == [{}, {"ack": WHOLE}]
    before, in_child, after = [asked.port for asked in server.asked if asked.function == "get_events"]
    assert before == after != in_child


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_that_ends_settles_nothing(server: ScriptedService) -> None:
    """Its parent's events are its parent's."""
    program = """
import os, sys
if os.fork() == 0:
    sys.exit(0)
assert os.wait()[1] == 0
subscriber.get_events()
"""
    server.script("get_events", lease(event(1)))
    ran = run_program(GET + program, server.url)
    assert ran.returncode == 0, ran.stderr
    assert settled(server) == [{"ack": WHOLE}]


def test_a_service_that_is_gone_holds_the_end_up_for_a_bounded_time(server: ScriptedService) -> None:
    """Once for all subscribers; it is said, and the program's status stays."""
    program = """
import pubsubclient._core.at_exit
pubsubclient._core.at_exit.EXIT_DEADLINE_S = 0.3
from pubsubclient import Subscriber
subscribers = [Subscriber(f"s{n}") for n in range(5)]
for subscriber in subscribers:
    subscriber.get_events()
"""
    server.script("get_events", *[lease(event(1))] * 5, *[BREAK_OFF] * 1000)
    started = time.monotonic()
    ran = run_program(program, server.url)
    assert time.monotonic() - started < 10
    assert ran.returncode == 0
    assert ran.stderr.count("could not be settled and will come again") == 5
    assert "At exit, events of subscriber 's4'" in ran.stderr


def test_an_error_in_an_interactive_session_says_nothing_of_the_events(server: ScriptedService) -> None:
    """It does not end the session, and may be long ago: they are released."""
    server.script("get_events", lease(event(1)))
    environment = {
        **os.environ,
        "PUBLISH_SUBSCRIBE_SERVICE": server.url,
        "PYTHONPATH": str(Path(pubsubclient.__file__).parent.parent),
    }
    subprocess.run(
        [sys.executable, "-i", "-c", GET], input="1 / 0\n", env=environment, text=True, check=True, capture_output=True
    )
    assert settled(server) == [{"release": WHOLE}]
