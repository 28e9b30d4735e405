"""Who may do what: every person, every call, every kind of owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from auth.calls import CALLS, Call, make, send
from auth.people import PEOPLE, People
from e2e.wire import Wire, cloudevent, store_ops

Row = tuple[int | str, int | str, int | str, int | str]

#: by call: the answer about a name of one's own, of nobody's, of another's, and about an unknown one; 403 is `not_owner`
TABLE: dict[str, Row] = {
    "register publisher": (200, 200, 403, 201),
    "register subscriber": (200, 200, 403, 201),
    "register topic": (200, 200, 200, 201),
    "register topic as it is": (200, 200, 200, 201),
    "change retention": (200, 200, 403, 201),
    "change partitions": ("409 partitions_fixed", "409 partitions_fixed", 403, 201),
    "show publisher": (200, 200, 403, "404 unknown_publisher"),
    "show subscriber": (200, 200, 403, "404 unknown_subscriber"),
    "show topic": (200, 200, 200, "404 unknown_topic"),
    "explain": (200, 200, 403, "404 unknown_subscriber"),
    "publish": (200, 200, 403, 200),
    "publish to topic": (200, 200, 200, 200),
    "subscribe": (200, 200, 403, "404 unknown_subscriber"),
    "subscribe to topic": (200, 200, 200, 200),
    "unsubscribe": (204, 204, 403, "404 unknown_subscriber"),
    "redrive": (200, 200, 403, "404 unknown_subscriber"),
    "peek at topic": (200, 200, 200, 200),
    "peek for subscriber": (200, 200, 403, "404 unknown_subscriber"),
    "remove publisher": (204, 204, 403, 204),
    "remove subscriber": (204, 204, 403, 204),
    "get events": (200, 200, 403, "404 unknown_subscriber"),
    "settle": (200, 200, 403, "404 unknown_subscriber"),
}
_OWNERS = ("own", "nobody's", "another's", "unknown")


def _answer(answer: requests.Response) -> int | str:
    """A status, with the code if it is a refusal."""
    if answer.status_code < 400:
        return answer.status_code
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    return (
        403
        if (answer.status_code, problem["code"]) == (403, "not_owner")
        else f"{answer.status_code} {problem['code']}"
    )


def _state(wire: Wire, call: Call, name: str, people: People) -> object:
    """All that can be seen of a name."""
    return requests.get(
        f"{wire.url}/register", params={call.kind: name}, headers=people.headers("root"), timeout=60
    ).json()


def test_the_table_has_every_call() -> None:
    assert TABLE.keys() == CALLS.keys()


@pytest.mark.parametrize("owner", _OWNERS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("person", PEOPLE)
def test_every_call_about_every_kind_of_name(wire: Wire, people: People, person: str, call: str, owner: str) -> None:
    """Exact status and code; what is refused changes nothing. Admins may do all that an owner may."""
    name, own, headers = wire.name("name"), wire.name("own"), people.headers(person)
    for kind in ("publisher", "subscriber", "topic"):
        make(wire, kind, own, headers)
    other = "bob" if person == "alice" else "alice"
    registered_by = {"own": person, "nobody's": "anonymous", "another's": other}.get(owner)
    if registered_by:
        make(wire, CALLS[call].kind, name, people.headers(registered_by))
    before = _state(wire, CALLS[call], name, people)
    expected = TABLE[call][_OWNERS.index("own" if (person, owner) == ("root", "another's") else owner)]
    assert _answer(send(wire, CALLS[call], name, own, headers)) == expected
    if expected == 403:
        assert _state(wire, CALLS[call], name, people) == before


def test_a_refusal_tells_nothing_of_the_state(wire: Wire, people: People) -> None:
    """The same bytes for a subscriber just registered and for one with subscriptions and leases."""
    name, alice, bob = wire.name("busy"), people.headers("alice"), people.headers("bob")
    make(wire, "subscriber", name, alice)
    calls = [call for call in CALLS.values() if call.kind == "subscriber"]
    fresh = [send(wire, call, name, wire.name("t"), bob).content for call in calls]
    wire.ask("subscribe", {"subscriber": name, "topic": wire.name("t")}, headers=alice)
    body = {"publisher": wire.name("p"), "topic": wire.name("t"), "events": [cloudevent(1)]}
    assert wire.ask("publish", body, headers=alice).status_code == 200
    assert wire.ask("get_events", {"subscriber": name}, headers=alice).json()["events"]
    assert [send(wire, call, name, wire.name("t"), bob).content for call in calls] == fresh


def test_a_refused_publish_creates_no_topic(wire: Wire, people: People) -> None:
    make(wire, "publisher", wire.name("p"), people.headers("alice"))
    body = {"publisher": wire.name("p"), "topic": wire.name("t"), "events": [cloudevent(1)]}
    assert wire.ask("publish", body, headers=people.headers("bob")).status_code == 403
    shown = requests.get(f"{wire.url}/register", params={"topic": wire.name("t")}, timeout=60)
    assert (shown.status_code, shown.json()["code"]) == (404, "unknown_topic")


def test_the_first_to_publish_owns_publisher_and_topic(wire: Wire, people: People) -> None:
    body = {"publisher": wire.name("p"), "topic": wire.name("t"), "events": [cloudevent(1)]}
    assert wire.ask("publish", body, headers=people.headers("alice")).status_code == 200
    settings = {"topic": wire.name("t"), "retention_s": 900}
    assert wire.ask("publish", body, headers=people.headers("bob")).status_code == 403
    assert wire.ask("register", settings, headers=people.headers("bob")).status_code == 403
    assert wire.ask("register", settings, headers=people.headers("alice")).status_code == 200


def test_dead_letters_need_no_publisher(wire: Wire, people: People) -> None:
    """The service publishes them by itself, for the subscriber's owner as for an admin."""
    alice = people.headers("alice")
    body = {"publisher": wire.name("p"), "topic": wire.name("t"), "events": [cloudevent(1)]}
    assert wire.ask("publish", body, headers=alice).status_code == 200
    for subscriber, topic in (("s", "t"), ("watch", "s.dead")):
        make(wire, "subscriber", wire.name(subscriber), alice)
        subscription = {"subscriber": wire.name(subscriber), "topic": wire.name(topic), "max_attempts": 1}
        assert wire.ask("subscribe", subscription, headers=alice).status_code == 200
    lease = wire.ask("get_events", {"subscriber": wire.name("s")}, headers=alice).json()["lease"]
    nack = {"subscriber": wire.name("s"), "max_events": 0, "nack": [{"lease": lease}]}
    assert wire.ask("get_events", nack, headers=people.headers("bob")).status_code == 403
    assert wire.ask("get_events", nack, headers=people.headers("root")).status_code == 200
    (dead,) = wire.ask("get_events", {"subscriber": wire.name("watch"), "wait_s": 20}, headers=alice).json()["events"]
    assert dead["source"] == f"/subscribers/{wire.name('s')}"


@pytest.mark.parametrize("person", PEOPLE)
def test_expire_is_for_whoever_may_call_it(wire: Wire, people: People, person: str) -> None:
    """It names nobody's name, and does the same as often as it is called."""
    assert wire.ask("expire", {}, headers=people.headers(person)).status_code == 200


def test_of_many_who_register_a_name_at_once_one_has_it(wire: Wire, people: People) -> None:
    """Eight requests each for the same ten names; only those of the one who made it succeed."""

    def register(number: int) -> tuple[int, str, int]:
        who = ("alice", "bob")[number % 2]
        one = Wire(wire.url)
        kind = ("publisher", "subscriber")[number // 8 % 2]
        answer = one.ask("register", {kind: wire.name(str(number // 8))}, headers=people.headers(who))
        one.close()
        return number // 8, who, answer.status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(register, range(80)))
    for name in range(10):
        got = [(who, status) for number, who, status in answers if number == name]
        (owner,) = [who for who, status in got if status == 201]
        assert all(status == 403 for who, status in got if who != owner)
        assert all(status in (200, 201) for who, status in got if who == owner)


def test_a_list_has_only_names_that_the_caller_may_use(wire: Wire, people: People) -> None:
    """Page by page, nothing of others is in the names, nor in a page's token; admins see all, and topics are shared."""
    for kind in ("publisher", "subscriber", "topic"):
        for person in ("alice", "bob", "anonymous"):
            make(wire, kind, wire.name(person), people.headers(person))

    def listed(kind: str, person: str) -> set[str]:
        found, tokens, query = set(), set(), {kind: "", "page_size": "1"}
        while True:
            page = requests.get(f"{wire.url}/register", params=query, headers=people.headers(person), timeout=60).json()
            found |= set(page["names"])
            if "next_page_token" not in page:
                break
            tokens.add(page["next_page_token"])
            query["page_token"] = page["next_page_token"]
        assert tokens <= found
        return {name.removeprefix(f"{wire.unique}-") for name in found if name.startswith(wire.unique)}

    for kind in ("publisher", "subscriber"):
        assert listed(kind, "alice") == {"alice", "anonymous"}
        assert listed(kind, "anonymous") == {"anonymous"}
        assert listed(kind, "root") == {"alice", "bob", "anonymous"}
    assert listed("topic", "alice") == {"alice", "bob", "anonymous"}


def test_a_list_of_states_has_only_those_of_names_that_the_caller_may_use(wire: Wire, people: People) -> None:
    """Page by page, as a list of names; admins see all, and topics are shared."""
    for kind in ("subscriber", "topic"):
        for person in ("alice", "bob", "anonymous"):
            make(wire, kind, wire.name(person), people.headers(person))

    def listed(kind: str, person: str) -> set[str]:
        found, query = set(), {kind: "", "state": "1", "page_size": "1", "page_token": wire.unique}
        while True:
            page = requests.get(f"{wire.url}/register", params=query, headers=people.headers(person), timeout=60).json()
            found |= {state[kind] for state in page[f"{kind}s"]}
            if "next_page_token" not in page or not page["next_page_token"].startswith(wire.unique):
                break
            assert page["next_page_token"] in found
            query["page_token"] = page["next_page_token"]
        return {name.removeprefix(f"{wire.unique}-") for name in found if name.startswith(wire.unique)}

    assert listed("subscriber", "alice") == {"alice", "anonymous"}
    assert listed("subscriber", "anonymous") == {"anonymous"}
    assert listed("subscriber", "root") == listed("topic", "alice") == {"alice", "bob", "anonymous"}


def test_checking_costs_no_reads(wire: Wire, people: People) -> None:
    """A warm publish reads nothing, and a poll its subscriber's document and one place a log, as without identity."""
    headers = people.headers("alice")
    subscriber = {"subscriber": wire.name("s")}
    wire.ask("register", subscriber, headers=headers)
    publish = {"publisher": wire.name("p"), "topic": wire.name("t")}
    for number in range(2):
        published = wire.ask("publish", {**publish, "events": [cloudevent(number)]}, headers=headers)
    assert store_ops(published) == (0, 1, 0)
    wire.ask("subscribe", {**subscriber, "topic": wire.name("t"), "start": "latest"}, headers=headers)
    wire.ask("get_events", subscriber, headers=headers)
    assert store_ops(wire.ask("get_events", subscriber, headers=headers)) == (2, 0, 0)
