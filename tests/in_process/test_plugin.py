"""The fixtures for pytest, in runs of pytest as users have them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from in_process.projects import Project

pytestmark = pytest.mark.slow  # each runs pytest in a process of its own


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


_APP = """
from pubsubclient import App, Retry

app = App("billing")
in_stock = []

@app.handler("orders", type="order.placed", max_attempts=5, backoff=10)
def charge(order: dict) -> None:
    if order["number"] not in in_stock:
        raise Retry("no stock")
    app.publish("receipts", {"order": order["number"]})
"""

#: two hundred tests with the fixture, of eight kinds; none waits
_TESTS = """
import pytest
from pubsubclient import Publisher, Subscriber
from shop import app, in_stock

@pytest.fixture(autouse=True)
def stock(pubsub):
    in_stock[:] = [1]

@pytest.mark.parametrize("n", range(40))
def test_an_order_is_charged(pubsub, n):
    pubsub.publish("orders", {"number": 1}, type="order.placed")
    pubsub.deliver(app)
    assert [event.data for event in pubsub.published("receipts")] == [{"order": 1}]

@pytest.mark.parametrize("n", range(40))
def test_it_gives_up_after_five(pubsub, n):
    pubsub.publish("orders", {"number": 2}, type="order.placed")
    runs = pubsub.deliver(app, until="settled", errors="keep")
    assert [run.attempt for run in runs] == [1, 2, 3, 4, 5]
    assert pubsub.dead_letters("billing")[0].reason == "no stock"

@pytest.mark.parametrize("n", range(40))
def test_it_comes_again(pubsub, n):
    subscriber = Subscriber("s")
    subscriber.subscribe("orders", backoff=600)
    Publisher("p").publish("orders", n)
    [event] = subscriber.get_events()
    event.nack()
    assert subscriber.get_events() == []
    pubsub.advance(600)
    [event] = subscriber.get_events()
    assert event.attempt == 2
    event.ack()

@pytest.mark.parametrize("n", range(40))
def test_a_wait_takes_no_time(pubsub, n):
    subscriber = Subscriber("s")
    subscriber.subscribe("orders")
    assert subscriber.get_events(wait=20) == []
    pubsub.publish("orders", n)
    assert [event.data for event in subscriber.events(wait=5)] == [n]

@pytest.mark.parametrize("n", range(40))
def test_failures_are_tried_again(pubsub, n):
    pubsub.fail("publish", times=3)
    Publisher("p").publish("orders", n)
    assert sum(call.fault for call in pubsub.calls) == 3
"""


@pytest.mark.parametrize("order", ["as written", "shuffled"])
def test_two_hundred_tests_share_nothing(project: Project, order: str) -> None:
    """In two processes at once, in any order; none sleeps."""
    project.write("shop.py", _APP)
    project.write("test_shop.py", _TESTS)
    assert "sleep" not in _APP + _TESTS
    if order == "shuffled":
        shuffle = "import random\ndef pytest_collection_modifyitems(items):\n    random.Random(17).shuffle(items)\n"
        project.write("conftest.py", shuffle)
    done = project.run("-n", "2", plugins=("xdist",))
    assert re.search(r"^200 passed in", done.stdout, re.MULTILINE), done.stdout
    assert done.returncode == 0, done.stderr


def test_what_a_test_leaves_open_fails_it_with_its_name(project: Project) -> None:
    project.write(
        "test_leaks.py",
        """
import threading
from pubsubclient import Publisher, Subscriber

def test_loop(pubsub):
    subscriber = Subscriber("reader")
    subscriber.subscribe("orders")
    pubsub.publish("orders", 1)
    global loop
    loop = subscriber.events()
    next(loop)

def test_batch(pubsub):
    global batch
    batch = Publisher("shop").batch(max_delay=60)
    batch.publish("orders", 1)

def test_thread(pubsub):
    subscriber = Subscriber("reader")
    subscriber.subscribe("orders")
    threading.Thread(target=lambda: list(subscriber.events(wait=60)), name="consumer 7").start()
    while not any(call.function == "get_events" for call in pubsub.calls) and not pubsub._clock.at_work():
        pass

def test_clean(pubsub):
    pubsub.publish("orders", 1)
""",
    )
    done = project.run("-p", "no:threadexception")
    assert "4 passed, 3 errors" in done.stdout, done.stdout
    for name, said in [
        ("test_loop", "events in a loop of subscriber 'reader' are still held"),
        ("test_batch", "<Batch of publisher 'shop', 1 events pending> is open"),
        ("test_thread", "The thread 'consumer 7' still uses the service"),
    ]:
        assert re.search(rf"ERROR at teardown of {name} [^§]*left open:\n{re.escape(said)}", done.stdout), done.stdout


def test_the_marker_says_what_becomes_of_errors(project: Project) -> None:
    project.write("shop.py", _APP)
    project.write(
        "test_marker.py",
        """
import pytest
from pubsubclient import Retry
from shop import app

@pytest.mark.pubsub_errors("keep")
def test_kept(pubsub):
    pubsub.publish("orders", {"number": 9}, type="order.placed")
    assert [run.outcome for run in pubsub.deliver(app)] == ["retry"]

def test_raised(pubsub):
    pubsub.publish("orders", {"number": 9}, type="order.placed")
    with pytest.raises(Retry):
        pubsub.deliver(app)

@pytest.mark.pubsub_errors("hide")
def test_wrong(pubsub):
    pass
""",
    )
    done = project.run()
    assert "2 passed, 1 error" in done.stdout, done.stdout
    assert "pubsub_errors: expected 'raise' or 'keep'; got ('hide',)" in done.stdout


def test_each_test_has_a_server_s_store_of_its_own(project: Project) -> None:
    """Over HTTP, for programs in other processes; one emulator for the session."""
    project.write(
        "test_server.py",
        """
import subprocess, sys
import pytest, requests
from pubsubclient import Publisher, Service, Subscriber

PROGRAM = "from pubsubclient import Publisher; Publisher('p').publish('orders', 'from a program')"
urls = []

@pytest.mark.parametrize("n", range(3))
def test_a_program_publishes(pubsub_server, monkeypatch, n):
    urls.append(pubsub_server)
    monkeypatch.setenv("PUBLISH_SUBSCRIBE_SERVICE", pubsub_server)
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
    subscriber = Subscriber("s", service=pubsub_server)
    subscriber.subscribe("orders")
    assert [event.data for event in subscriber.get_events(wait=5)] == ["from a program"]
    subscriber.close()
    listed = requests.get(pubsub_server + "/", timeout=5).json()["functions"]
    assert listed["publish"] == f"{pubsub_server}/publish"
    assert requests.get(pubsub_server + "/healthz", timeout=5).json()["status"] == "ok"

def test_the_stores_of_earlier_tests_are_gone(pubsub_server):
    assert len({url.rpartition("~")[0] for url in urls}) == 1
    for url in urls:
        assert requests.post(f"{url}/register", json={"publisher": "p"}, timeout=5).status_code == 404

def test_both_at_once(pubsub, pubsub_server):
    Publisher("p", service=pubsub_server).publish("orders", "there")
    Publisher("p").publish("orders", "here")
    assert [event.data for event in pubsub.published("orders")] == ["here"]
""",
    )
    done = project.run()
    assert "5 passed" in done.stdout, done.stdout


def test_a_project_that_does_not_use_it_imports_nothing_of_it(project: Project) -> None:
    """The plugin's own module, which imports pytest alone; and nothing before the tests begin."""
    project.write(
        "test_other.py",
        """
import sys

def test_nothing_is_imported():
    ours = {name for name in sys.modules if name.startswith(("pubsub", "requests", "flask", "msgspec"))}
    assert ours == {"pubsub_emulator", "pubsub_emulator.pytest_plugin"}
""",
    )
    done = project.run()
    assert "1 passed" in done.stdout, done.stdout


def test_without_the_extra_one_line_says_what_to_install(project: Project) -> None:
    project.write(
        "test_bare.py",
        """
import sys

def test_bare(monkeypatch):
    import pytest
    from pubsubclient import ConfigurationError
    from pubsubclient.testing import local
    from pubsubclient._core.extras import install_command
    for name in [name for name in sys.modules if name.startswith("pubsub_emulator.in_process")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(ConfigurationError) as caught:
        with local():
            pass
    assert str(caught.value) == (
        "pubsubclient.testing runs the service itself, which needs msgspec: " + install_command("emulator")
    )
""",
    )
    done = project.run()
    assert "1 passed" in done.stdout, done.stdout
