"""Whose dead letters go where: every person, every kind of topic, every name made of a subscriber's."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import requests

from auth.people import PEOPLE, People
from e2e.wire import Wire, cloudevent
from pubsubclient import Event, Publisher, Service, Subscriber

#: by what a topic is: the answer if it is named for dead letters and is one's own, nobody's, and another's
NAMED: dict[str, tuple[str, str, str]] = {
    "registered": ("409 ordinary_topic", "409 ordinary_topic", "403 not_owner"),
    "published to": ("409 ordinary_topic", "409 ordinary_topic", "403 not_owner"),
    "of dead letters": ("200", "200", "403 not_owner"),
    "not there": ("200", "200", "200"),
}
_OWNERS = ("own", "nobody's", "another's")

#: what is called about a name made of a subscriber's: function, body
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "topic S.dead": ("register", {"topic": "S.dead"}),
    "topic S.dead with a retention": ("register", {"topic": "S.dead", "retention_s": 700}),
    "topic S.redrive": ("register", {"topic": "S.redrive"}),
    "publisher S.redrive": ("register", {"publisher": "S.redrive"}),
    "publisher S.dead": ("register", {"publisher": "S.dead"}),
    "subscriber S.redrive": ("register", {"subscriber": "S.redrive"}),
    "subscriber S.dead": ("register", {"subscriber": "S.dead"}),
    "publish as S.redrive": ("publish", {"topic": "t", "publisher": "S.redrive"}),
    "publish to S.dead": ("publish", {"topic": "S.dead", "publisher": "own"}),
    "dead letters to S.dead": ("subscribe", {"subscriber": "own", "topic": "t", "dead_letter_topic": "S.dead"}),
    "dead letters of a pattern to S.dead": (
        "subscribe",
        {"subscriber": "own", "topic": "a.>", "dead_letter_topic": "S.dead"},
    ),
}


class Somebody:
    """What a person does over the wire, with names of the test's own."""

    def __init__(self, wire: Wire, people: People, name: str) -> None:
        self._wire = wire
        self.headers = people.headers(name)
        self.service = Service(wire.url, identity=people.tokens.get(name))

    def says(self, function: str, body: dict[str, Any], *, method: str = "POST") -> str:
        """Status, with the code of a refusal."""
        kinds = ("topic", "publisher", "subscriber", "dead_letter_topic")
        named = {key: self._wire.name(value) if key in kinds else value for key, value in body.items()}
        if function == "publish":
            named.setdefault("events", [cloudevent(1)])
        answer = self._wire.ask(function, named, method=method, headers=self.headers)
        return f"{answer.status_code} {answer.json()['code']}" if answer.status_code >= 400 else str(answer.status_code)

    def does(self, function: str, body: dict[str, Any]) -> None:
        said = self.says(function, body)
        assert said in {"200", "201", "204"}, said

    def state(self, subscriber: str) -> dict[str, Any]:
        query = {"subscriber": self._wire.name(subscriber)}
        found: dict[str, Any] = requests.get(
            f"{self._wire.url}/register", params=query, headers=self.headers, timeout=60
        ).json()
        return found

    def subscribed(self, name: str, topic: str, **settings: Any) -> Subscriber:
        subscriber = Subscriber(self._wire.name(name), service=self.service)
        settings = {"max_attempts": 1, "backoff": 0, **settings}
        subscriber.subscribe(topic if topic == ">" else self._wire.name(topic), **settings)
        return subscriber

    def publishes(self, topic: str, data: Any, *, publisher: str) -> None:
        Publisher(self._wire.name(publisher), service=self.service).publish(Event(self._wire.name(topic), data))

    def makes(self, topic: str, kind: str) -> None:
        """A topic of this kind, which is this person's."""
        if kind == "registered":
            self.does("register", {"topic": topic})
        elif kind == "published to":
            self.does("publish", {"topic": topic, "publisher": f"maker-of-{topic}"})
        elif kind == "of dead letters":
            subscriber = self.subscribed(f"dying-{topic}", f"of-{topic}", dead_letter_topic=self._wire.name(topic))
            self.publishes(f"of-{topic}", 0, publisher=f"maker-of-{topic}")
            subscriber.get_events().nack(dead=True)
            assert subscriber.state().dead == 0


@pytest.fixture
def alice(wire: Wire, people: People) -> Somebody:
    return Somebody(wire, people, "alice")


@pytest.fixture
def bob(wire: Wire, people: People) -> Somebody:
    return Somebody(wire, people, "bob")


def letters_of(victim: Somebody, wire: Wire, subscriber: str = "S") -> None:
    """All that this subscriber's owner expects works: its events come, its dead letters are there, and come back."""
    number = uuid4().hex
    own = victim.subscribed(subscriber, "victims")
    for left in iter(own.get_events, []):
        left.ack()
    victim.publishes("victims", number, publisher="victim")
    (event,) = own.get_events()
    assert event.nack(reason="no", dead=True)
    assert own.get_events() == []
    assert own.state().dead == 0
    undertaker = victim.subscribed(f"undertaker-of-{subscriber}", f"{subscriber}.dead")
    (letter,) = [letter for letter in undertaker.get_events() if letter.data == number]
    assert letter.attributes["reason"] == "no"
    assert own.redrive(wire.name("victims")) == 1
    (back,) = own.get_events()
    assert (back.data, back.attributes["redriveof"]) == (number, event.id)
    own.close()


@pytest.mark.parametrize("owner", _OWNERS)
@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("person", PEOPLE)
def test_every_kind_of_topic_named_for_dead_letters(
    wire: Wire, people: People, person: str, kind: str, owner: str
) -> None:
    """When subscribing to a topic or a pattern, and when a subscription is changed; what is refused changes nothing."""
    other = "bob" if person == "alice" else "alice"
    maker = {"own": person, "nobody's": "anonymous", "another's": other}[owner]
    Somebody(wire, people, maker).makes("letters", kind)
    me = Somebody(wire, people, person)
    expected = NAMED[kind][_OWNERS.index("own" if person == "root" else owner)]
    me.does("register", {"subscriber": "mine"})
    me.does("subscribe", {"subscriber": "mine", "topic": "known"})
    before = me.state("mine")
    for topic in ("new", "known", "a.>"):
        assert me.says("subscribe", {"subscriber": "mine", "topic": topic, "dead_letter_topic": "letters"}) == expected
    assert expected == "200" or me.state("mine") == before


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("owner", ["alice", "anonymous", None])
@pytest.mark.parametrize("person", PEOPLE)
def test_names_made_of_a_subscribers_are_its_owners(
    wire: Wire, people: People, person: str, owner: str | None, call: str
) -> None:
    """Whoever is first, and whether the name is there already; before there is such a subscriber, they are for nobody."""
    me, function, body = Somebody(wire, people, person), *CALLS[call]
    me.does("register", {"subscriber": "own"})
    if owner:
        Somebody(wire, people, owner).does("register", {"subscriber": "S"})
    victim = owner or "alice"
    for registered in (owner is not None, True):
        may = registered and (victim == "anonymous" or person in {victim, "root"})
        said = me.says(function, body)
        assert said in ({"200", "201"} if may else {"403 not_owner"})
        letters_of(Somebody(wire, people, victim), wire)


@pytest.mark.parametrize("person", ["bob", "anonymous"])
def test_after_every_attack_at_once_the_victims_letters_are_there(wire: Wire, people: People, person: str) -> None:
    """Before the subscriber is registered, before its first dead letter, and afterwards."""
    attacker, victim = Somebody(wire, people, person), Somebody(wire, people, "alice")
    attacker.does("register", {"subscriber": "own"})

    def attack() -> None:
        for function, body in CALLS.values():
            assert attacker.says(function, body) == "403 not_owner"
        for subscriber in ("S.redrive", "S.dead", "S.redrive.dead", "S.redrive.redrive"):
            assert attacker.says("register", {"subscriber": subscriber}) == "403 not_owner"

    attack()
    victim.does("register", {"subscriber": "S"})
    attack()
    for _ in range(2):
        letters_of(victim, wire)
        attack()


def test_a_name_that_has_the_same_dead_letter_topic_takes_none_of_it(
    wire: Wire, alice: Somebody, bob: Somebody
) -> None:
    """A subscriber's name may have dots that a topic's may not: S..dead of one is S.dead of another."""
    bob.does("register", {"subscriber": "S."})
    subscription = {"subscriber": "S.", "topic": "t"}
    assert bob.says("subscribe", subscription) == "403 not_owner"
    alice.does("register", {"subscriber": "S"})
    assert bob.says("subscribe", subscription) == "403 not_owner"
    bob.does("subscribe", {**subscription, "dead_letter_topic": "graves"})
    letters_of(alice, wire)


def test_a_subscriber_of_the_longest_name_redrives_as_well(wire: Wire, alice: Somebody, bob: Somebody) -> None:
    """Of such a name only the beginning is in the name under which it redrives."""
    name = "S" * (250 - len(wire.name("")))
    neighbours = [name[:-1] + letter for letter in "abc"]
    for neighbour in neighbours:
        bob.does("register", {"subscriber": neighbour})
    alice.does("register", {"subscriber": name})
    own = alice.subscribed(name, "t")
    alice.publishes("t", 1, publisher="p")
    own.get_events().nack(dead=True)
    listed = f"{wire.name(name)[:220]}."
    shortened = [n for n in _names(wire, alice, "subscriber") if n.startswith(listed)]
    assert shortened == []
    assert own.redrive(wire.name("t")) == 1
    (redriver,) = [n for n in _names(wire, alice, "subscriber") if n.startswith(listed)]
    assert len(redriver) == 245
    for body in ({"subscriber": redriver}, {"publisher": redriver}):
        assert wire.ask("register", body, headers=bob.headers).status_code == 403
        assert wire.ask("register", body, headers=alice.headers).status_code == 200
    own.close()


def _names(wire: Wire, somebody: Somebody, kind: str) -> list[str]:
    query = {kind: "", "page_size": "1000"}
    answer = requests.get(f"{wire.url}/register", params=query, headers=somebody.headers, timeout=60)
    names: list[str] = answer.json()["names"]
    return names


def test_an_admin_takes_nothing_over(wire: Wire, people: People, alice: Somebody, bob: Somebody) -> None:
    """What an admin's call makes of another's subscriber belongs to that one's owner."""
    root = Somebody(wire, people, "root")
    own = alice.subscribed("S", "t")
    alice.publishes("t", 1, publisher="p")
    as_root = Subscriber(wire.name("S"), service=root.service)
    as_root.get_events().nack(dead=True)
    assert as_root.redrive(wire.name("t")) == 1
    for call in ("topic S.dead with a retention", "publisher S.redrive", "subscriber S.redrive"):
        assert bob.says(*CALLS[call]) == "403 not_owner"
        assert alice.says(*CALLS[call]) == "200"
    own.get_events().nack(dead=True)
    assert own.redrive(wire.name("t")) == 1
    own.close()


def test_a_topic_that_another_makes_meanwhile_takes_no_letters(wire: Wire, alice: Somebody, bob: Somebody) -> None:
    """It is theirs, and goes on as it is; the letters stay with their subscriber until its owner names another topic."""
    own = alice.subscribed("S", "t", dead_letter_topic=wire.name("letters"))
    for number in range(3):
        alice.publishes("t", number, publisher="p")
    pattern = bob.subscribed("watcher", ">", start="latest")
    bob.publishes("letters", "ordinary", publisher="q")
    own.get_events().nack(dead=True, reason="no")
    alice.publishes("t", "goes on", publisher="p")
    assert [event.data for event in own.get_events()] == ["goes on"]
    assert own.state().dead == 3
    wanted = {"ordinary", "goes on"}
    got = [event.data for event in pattern.get_events(wait=5)]
    while not wanted <= {*got}:
        got += [event.data for event in pattern.get_events(wait=5)]
    assert sorted(map(str, got)) == ["goes on", "ordinary"]
    subscription = {"subscriber": "S", "topic": "t", "dead_letter_topic": "letters"}
    assert alice.says("subscribe", subscription) == "403 not_owner"
    alice.does("subscribe", {**subscription, "dead_letter_topic": "S.dead"})
    own.get_events()
    assert own.state().dead == 0
    assert own.redrive(wire.name("t")) == 3
    assert [event.data for event in own.get_events()] == [0, 1, 2]
    own.close()


def test_dead_letters_are_published_by_their_owners_alone(wire: Wire, alice: Somebody, bob: Somebody) -> None:
    """So that a redrive brings back what has failed, and nothing that somebody made up. Anybody may read them."""
    alice.makes("letters", "of dead letters")
    body = {"topic": "letters", "publisher": "q"}
    assert bob.says("publish", body) == "403 not_owner"
    assert bob.says("register", {"topic": "letters"}) == "403 not_owner"
    assert alice.says("publish", {**body, "publisher": "p"}) == "200"
    assert bob.says("publish", body) == "403 not_owner"
    assert len(bob.subscribed("reader", "letters").get_events()) == 2


def test_subscribers_of_one_owner_share_a_dead_letter_topic(wire: Wire, alice: Somebody) -> None:
    """And each redrives its own."""
    subscribers = [alice.subscribed(name, "t", dead_letter_topic=wire.name("letters")) for name in ("one", "two")]
    alice.publishes("t", 1, publisher="p")
    for subscriber in subscribers:
        subscriber.get_events().nack(dead=True)
    for subscriber in subscribers:
        assert subscriber.redrive(wire.name("t")) == 1
        assert [event.attributes["redrivefor"] for event in subscriber.get_events()] == [subscriber.name]
        subscriber.close()


def test_dead_letters_keep_the_name_of_a_removed_subscriber(wire: Wire, alice: Somebody, bob: Somebody) -> None:
    """Its next owner could neither redrive nor trust what another identity may publish in its dead-letter topic."""
    letters_of(alice, wire)
    for name in ("S", "S.redrive"):
        Subscriber(wire.name(name), service=alice.service).delete()
    Publisher(wire.name("S.redrive"), service=alice.service).delete()
    assert bob.says("register", {"subscriber": "S"}) == "403 not_owner"  # the topic S.dead stays
    assert alice.says("register", {"subscriber": "S"}) == "201"


def test_a_redriver_keeps_the_name_of_a_removed_subscriber(wire: Wire, alice: Somebody, bob: Somebody) -> None:
    """Also where dead letters went to another topic."""
    alice.does("register", {"subscriber": "S"})
    alice.does("register", {"subscriber": "S.redrive"})
    alice.does("register", {"publisher": "S.redrive"})
    Subscriber(wire.name("S"), service=alice.service).delete()
    assert bob.says("register", {"subscriber": "S"}) == "403 not_owner"
    Subscriber(wire.name("S.redrive"), service=alice.service, register=False).delete()
    assert bob.says("register", {"subscriber": "S"}) == "403 not_owner"
    Publisher(wire.name("S.redrive"), service=alice.service).delete()
    letters_of(bob, wire)


def test_a_removed_subscriber_that_left_nothing_is_anybodys(wire: Wire, alice: Somebody, bob: Somebody) -> None:
    alice.does("register", {"subscriber": "S"})
    Subscriber(wire.name("S"), service=alice.service).delete()
    letters_of(bob, wire)
