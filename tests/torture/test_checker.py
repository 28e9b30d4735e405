"""The checker finds each fault in a history made for it, and none where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from torture.checker import FAULTS, Verdict, check
from torture.evidence import Evidence, Handing
from torture.promised import Mortal, Promised
from torture.records import Acked, Attempted, Changed, Delivered, Done, Failed, Leased, Record, Settling, Stored
from torture.versions import BrokenChainError, chains

_SECOND = 1_000_000
_PROMISED = Promised(
    is_wanted=lambda subscriber, topic, event_id: subscriber == "S" and event_id != "filtered",
    is_kept=lambda topic: topic == "kept",
    once_us=8 * _SECOND,
    deadline_us=3 * _SECOND,
)
_ORDERED = _PROMISED._replace(ordered=frozenset({("S", "kept")}))
_MORTAL = _PROMISED._replace(mortal={"S": Mortal(2, "S.dead", "U")})

PUBLISHED: list[Record] = [
    Attempted("P", "kept", ["a", "b"]),
    Stored("kept", [("a", "0000-00000000000000000000", 100)]),
]
STORED_B = Stored("kept", [("b", "0000-00000000000000000001", 200)])


def sequence(index: int) -> str:
    return f"0000-{index:020d}"


def delivered(event_id: str, index: int, token: str = "T", attempt: int = 1, time: int | None = None) -> Delivered:
    """A consumer of S got an event; a is stored at 100, b at 200."""
    time = time if time is not None else {"a": 100, "b": 200}.get(event_id, 300)
    return Delivered("S", token, attempt, [(event_id, "kept", sequence(index), time, True)])


def leased(index: int, token: str = "T", until: int = 1_000, attempt: int = 1, count: int = 1) -> Changed:
    return change(made={token: Leased(until, attempt, [("kept", 0, index, count)])})


def left(index: int) -> Changed:
    return change(left=[("kept", 0, index, 1)])


def change(**what: object) -> Changed:
    return Changed("S", "", "", 0, **what)  # type: ignore[arg-type]


def acking(*indexes: int, token: str = "T", verb: str = "ack") -> Settling:
    return Settling("S", verb, token, [("kept", sequence(index)) for index in indexes])


def judged(
    records: Sequence[Record],
    changes: Sequence[tuple[Changed, int]],
    left_over: str = "",
    promised: Promised = _PROMISED,
) -> Verdict:
    """The verdict on what clients wrote, and what functions changed in S at which store times."""
    handings = {"S": Handing(changes)}
    return check(Evidence(records), handings, promised, {"S": left_over} if left_over else {})


def kinds(verdict: Verdict) -> set[str]:
    return {kind for kind, lines in verdict.faults.items() if lines}


GOOD = [*PUBLISHED, STORED_B, delivered("a", 0), delivered("b", 1), acking(0, 1), Acked("S", "T")]
GOOD_CHANGES = [(leased(0, count=2), 300), (change(left=[("kept", 0, 0, 2)], positions={"kept": [2]}), 400)]


def test_a_history_without_a_fault_has_none() -> None:
    """Two events, published, handed out, delivered and acknowledged."""
    verdict = judged(GOOD, GOOD_CHANGES)
    assert kinds(verdict) == set()
    assert (verdict.counts["attempted"], verdict.counts["acknowledged"], verdict.counts["delivered"]) == (2, 2, 2)


def test_an_event_that_was_acknowledged_and_never_delivered_is_lost() -> None:
    """Not so one whose publisher was never told."""
    assert kinds(judged([*GOOD, Attempted("P", "kept", ["c"])], GOOD_CHANGES)) == set()
    lost = Stored("kept", [("c", sequence(2), 300)])
    verdict = judged([*GOOD, Attempted("P", "kept", ["c"]), lost], GOOD_CHANGES)
    assert verdict.faults["lost"] == [f"S: c (kept {sequence(2)})"]
    assert kinds(verdict) == {"lost"}


@pytest.mark.parametrize(("told", "faults"), [(1, set()), (0, {"lost"})])
def test_what_retention_took_is_lost_unless_the_subscriber_is_told(told: int, faults: set[str]) -> None:
    """In a topic that does not keep long enough."""
    records = [*GOOD, Attempted("P", "brief", ["c"]), Stored("brief", [("c", sequence(0), 300)])]
    assert kinds(judged(records, [*GOOD_CHANGES, (change(lost={"brief": told}), 500)])) == faults


def test_nothing_may_be_counted_lost_of_a_topic_that_keeps_long_enough() -> None:
    """Retention outlasts every lag there."""
    assert kinds(judged(GOOD, [*GOOD_CHANGES, (change(lost={"kept": 1}), 500)])) == {"lost"}


def test_an_event_that_went_without_an_ack_is_dropped() -> None:
    """Somebody got it, and did not settle it."""
    assert kinds(judged([*PUBLISHED, delivered("a", 0)], [(leased(0), 300), (left(0), 400)])) == {"dropped"}


@pytest.mark.parametrize(
    "strange",
    [
        Delivered("S", "T", 1, [("x", "kept", sequence(0), 100, True)]),
        Delivered("S", "T", 1, [("a", "kept", sequence(0), 100, False)]),
        Delivered("S", "T", 1, [("a", "kept", sequence(0), 101, True)]),
        Delivered("S", "U", 1, [("a", "kept", sequence(0), 100, True)]),
    ],
    ids=["never published", "other data", "another time", "never handed out"],
)
def test_what_was_not_published_so_is_unexpected(strange: Delivered) -> None:
    """Or what nobody handed out."""
    assert "unexpected" in kinds(judged([*PUBLISHED, strange, acking(0)], [(leased(0), 300), (left(0), 400)]))


def test_an_event_that_was_refused_is_unexpected() -> None:
    """Its publisher was told that it surely is not stored."""
    refused: list[Record] = [Attempted("P", "kept", ["c"]), Failed("publish", "", ["c"], refused=True)]
    changes = [(leased(0), 300), (left(0), 400)]
    assert kinds(judged([*refused, delivered("c", 0), acking(0)], changes)) == {"unexpected"}


@pytest.mark.parametrize(("again_at", "faults"), [(300, {"doubled"}), (100 + 8 * _SECOND, set())])
def test_an_event_stored_twice_is_doubled_within_2f(again_at: int, faults: set[str]) -> None:
    """Later than that it is not known any more."""
    records = [*PUBLISHED, delivered("a", 0), delivered("a", 1, time=again_at), acking(0, 1)]
    assert kinds(judged(records, GOOD_CHANGES)) == faults


@pytest.mark.parametrize(
    ("time", "said", "received", "faults"),
    [
        (999, "ack", True, {"duplicate"}),
        (1_000, "ack", True, set()),
        (999, "nack", True, set()),
        (999, "release", True, set()),
        (999, "ack", False, set()),
    ],
    ids=["too early", "lease over", "nacked", "released", "never received"],
)
def test_an_event_handed_out_again_before_its_lease_is_over_is_a_duplicate(
    time: int, said: str, received: bool, faults: set[str]
) -> None:
    """Unless a consumer gave it back, or never got it."""
    first = [delivered("a", 0), acking(0, verb=said)] if received else []
    records = [*PUBLISHED, *first, delivered("a", 0, "U", 2), acking(0, token="U")]
    changes = [(leased(0), 300), (leased(0, "U", 4_000, 2), time), (left(0), 1_100)]
    assert kinds(judged(records, changes)) == faults


def test_an_extended_lease_counts_until_its_new_end() -> None:
    """But not what was extended only afterwards."""
    records = [*PUBLISHED, delivered("a", 0), delivered("a", 0, "U", 2), acking(0, token="U")]
    again = [(leased(0, "U", 4_000, 2), 1_500), (left(0), 1_600)]
    extension = (change(extended={"T": 2_000}), 400)
    assert kinds(judged(records, [(leased(0), 300), extension, *again])) == {"duplicate"}
    assert kinds(judged(records, [(leased(0), 300), *again, extension])) == set()


def test_an_event_twice_under_one_token_is_a_duplicate() -> None:
    """An answer that came twice is one to its consumer."""
    assert kinds(judged([*GOOD, delivered("a", 0)], GOOD_CHANGES)) == {"duplicate"}


def test_a_settled_event_must_not_come_again() -> None:
    """Whether it left the document, or its consumer was told that its ack counted."""
    records = [*PUBLISHED, delivered("a", 0), acking(0), delivered("a", 0, "U", 2), acking(0, token="U")]
    again = (leased(0, "U", 4_000, 2), 1_500)
    assert kinds(judged(records, [(leased(0), 300), (left(0), 400), again])) == {"came again"}
    changes = [(leased(0), 300), again, (left(0), 1_600)]
    assert kinds(judged(records, changes)) == set()
    assert kinds(judged([*records, Acked("S", "T")], changes)) == {"came again"}


def test_first_deliveries_out_of_order_are_reordered() -> None:
    """By when they were handed out first, not by when they came."""
    settled = [(left(0), 500), (left(1), 500)]
    reordered = [(leased(1), 300), (leased(0, "U"), 400), *settled]
    records = [*PUBLISHED, STORED_B, delivered("b", 1), delivered("a", 0, "U"), acking(1), acking(0, token="U")]
    assert kinds(judged(records, reordered)) == {"reordered"}
    released = [(leased(0, count=2), 300), (leased(0, "U"), 400), *settled]
    again = [*PUBLISHED, STORED_B, delivered("b", 1), acking(1), delivered("a", 0, "U"), acking(0, token="U")]
    assert kinds(judged(again, released)) == set()


def test_where_order_holds_back_nothing_newer_is_handed_out_before_the_older_is_settled() -> None:
    """What is settled in the very change that hands out the newer one is settled before it."""
    records = [*PUBLISHED, STORED_B, delivered("a", 0), delivered("b", 1, "U"), acking(0), acking(1, token="U")]
    overtaking = [(leased(0), 300), (leased(1, "U"), 400), (left(0), 500), (left(1), 500)]
    assert kinds(judged(records, overtaking, promised=_ORDERED)) == {"reordered"}
    assert kinds(judged(records, overtaking)) == set()
    around = [(leased(1), 300), (change(made={"U": Leased(1_000, 1, [("kept", 0, 0, 1), ("kept", 0, 2, 1)])}), 400)]
    assert "reordered" in kinds(
        judged([], [*around, (left(0), 500), (left(2), 500), (left(1), 600)], promised=_ORDERED)
    )
    in_turn = [(leased(0), 300), (left(0), 400), (leased(1, "U"), 400), (left(1), 500)]
    assert kinds(judged(records, in_turn, promised=_ORDERED)) == set()


def test_where_order_holds_back_the_newer_events_of_a_lease_come_again_with_a_nacked_one() -> None:
    """Nobody nacked them; elsewhere that is a duplicate."""
    records = [*PUBLISHED, STORED_B, delivered("a", 0), delivered("b", 1), acking(0, verb="nack"), acking(1)]
    records += [delivered("a", 0, "U", 2), delivered("b", 1, "V"), acking(0, token="U"), acking(1, token="V")]
    changes = [(leased(0, count=2), 300), (leased(0, "U", 2_000, 2), 400), (left(0), 500)]
    changes += [(leased(1, "V"), 600), (left(1), 700)]
    assert kinds(judged(records, changes, promised=_ORDERED)) == set()
    assert kinds(judged(records, changes)) == {"duplicate"}


@pytest.mark.parametrize(("at", "faults"), [(1_999_999, {"too early"}), (2_000_100, set())])
def test_a_delayed_event_comes_when_it_is_due_and_out_of_turn(at: int, faults: set[str]) -> None:
    """Two seconds after it was stored; others do not wait for it."""
    records = [Attempted("P", "kept", ["a"], 2 * _SECOND), Attempted("P", "kept", ["b"]), *PUBLISHED[1:], STORED_B]
    records += [delivered("b", 1), acking(1), delivered("a", 0, "U"), acking(0, token="U")]
    changes = [(leased(1), 300), (left(1), 400), (leased(0, "U", 3 * _SECOND), at), (left(0), 3 * _SECOND)]
    assert kinds(judged(records, changes)) == faults
    assert kinds(judged(records, changes, promised=_ORDERED)) == faults


def letter(index: int, death: int, place: int) -> Delivered:
    """A dead letter of S, as its undertaker gets it."""
    return Delivered("U", "L", 1, [(f"kept/0/{index}/{death}", "S.dead", sequence(place), 2_000, True)])


FAILED = [*PUBLISHED, delivered("a", 0), delivered("a", 0, "U", 2)]
FAILED_CHANGES = [(leased(0), 300), (leased(0, "U", 2_000, 2), 1_000), (left(0), 2_000)]


def test_an_event_that_dies_after_its_last_attempt_has_one_dead_letter() -> None:
    """Without one it is dropped; with two it is doubled."""
    assert kinds(judged(FAILED, FAILED_CHANGES, promised=_MORTAL)) == {"dropped"}
    assert kinds(judged([*FAILED, letter(0, 1, 0)], FAILED_CHANGES, promised=_MORTAL)) == set()
    for second in (letter(0, 2, 1), letter(0, 1, 1)):
        records = [*FAILED, letter(0, 1, 0), second]
        assert kinds(judged(records, FAILED_CHANGES, promised=_MORTAL)) == {"doubled"}


def test_an_event_must_not_die_before_its_last_attempt_nor_after_its_ack() -> None:
    """It had one more, or was settled."""
    early = [*PUBLISHED, delivered("a", 0), letter(0, 1, 0)]
    assert kinds(judged(early, [(leased(0), 300), (left(0), 400)], promised=_MORTAL)) == {"wrong death"}
    settled = [*FAILED, acking(0, token="U"), Acked("S", "U"), letter(0, 1, 0)]
    assert kinds(judged(settled, FAILED_CHANGES, promised=_MORTAL)) == {"came again"}


def test_what_a_filter_holds_back_is_not_missed_and_must_not_come() -> None:
    """Acknowledged or not."""
    published = [Attempted("P", "kept", ["filtered"]), Stored("kept", [("filtered", sequence(2), 300)])]
    assert kinds(judged([*GOOD, *published], GOOD_CHANGES)) == set()
    came = [*GOOD, *published, delivered("filtered", 2, "U"), acking(2, token="U")]
    changes = [*GOOD_CHANGES, (leased(2, "U"), 500), (left(2), 600)]
    assert kinds(judged(came, changes)) == {"unexpected"}


def test_a_position_must_not_go_back() -> None:
    """In any partition."""
    back = (change(positions={"kept": [1]}), 500)
    assert kinds(judged(GOOD, [*GOOD_CHANGES, back])) == {"position back"}


@pytest.mark.parametrize(
    "changes",
    [
        [(leased(0, until=300 + 3 * _SECOND + 1), 300), (left(0), 400)],
        [(leased(0, attempt=2), 300), (left(0), 400)],
        [(leased(0), 300), (leased(0, attempt=2), 2_000), (left(0), 2_100)],
        [(leased(0), 300), (leased(0, "U", 2_000, 3), 1_000), (left(0), 1_100)],
    ],
    ids=["too long", "first attempt is 2", "a token's second lease", "attempt skipped"],
)
def test_leases_follow_their_rules(changes: list[tuple[Changed, int]]) -> None:
    """One lease a token, no longer than the deadline, attempts counted one by one."""
    assert kinds(judged([*PUBLISHED, delivered("a", 0), acking(0)], changes)) == {"wrong lease"}


def test_a_subscriber_with_something_left_has_stopped() -> None:
    """At the end everything is delivered and settled."""
    verdict = judged(GOOD, GOOD_CHANGES, "3 to be delivered")
    assert verdict.faults["stopped"] == ["S: 3 to be delivered"]


def test_every_kind_of_fault_is_explained() -> None:
    """And has its line in the report, found or not."""
    assert list(judged(GOOD, GOOD_CHANGES).faults) == list(FAULTS)


def version(writer: str, base: str, base_time: int = 0) -> Changed:
    return Changed("S", writer, base, base_time)


def test_versions_are_put_in_order_with_those_whose_answer_was_lost() -> None:
    """Attempt 2 was never answered, but 3 was made from its version; 2b came to nothing."""
    records = [version("2", "1"), version("2b", "1"), version("1", ""), version("3", "2", 20), Done("1", 10)]
    [chain] = chains([*records, Done("3", 30)], {"S": "3"}).values()
    assert [(change.writer, time) for change, time in chain] == [("1", 10), ("2", 20), ("3", 30)]


def test_two_updates_of_one_version_are_the_stores_fault() -> None:
    """Its condition was not met for one of them."""
    records = [version("1", ""), version("2", "1"), version("2b", "1"), Done("1", 10), Done("2", 20), Done("2b", 20)]
    with pytest.raises(BrokenChainError, match="two updates of one version"):
        chains(records, {"S": "2"})


def test_a_history_that_lacks_a_version_is_refused() -> None:
    """Nothing could be concluded from it."""
    with pytest.raises(BrokenChainError, match="which no history has"):
        chains([version("2", "1")], {"S": "2"})
