"""Waits without one rule each, and the test that fails then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import pytest
from grpc import StatusCode

from pubsubservice.storage.firestore import listen, listen_stream, quiet_waits, rpc, store
from pubsubservice.storage.firestore.listen import Listener
from pubsubservice.storage.firestore.listen_stream import ListenStream, Watch
from unit.google.listen import test_waits as tests

__all__ = ["BROKEN", "Rule"]


class Rule(NamedTuple):
    """What is left out, and who notices."""

    leave_out: Callable[[pytest.MonkeyPatch], object]
    test: Callable[..., object]


def _before(owner: type, name: str, act: Callable[[Any], object]) -> Callable[[pytest.MonkeyPatch], object]:
    """Let something happen to an object before each call of a method."""
    method = getattr(owner, name)

    def acted(self: Any, *args: Any, **named: Any) -> Any:
        act(self)
        return method(self, *args, **named)

    return lambda patch: patch.setattr(owner, name, acted)


def _nothing(owner: type, name: str) -> Callable[[pytest.MonkeyPatch], object]:
    """Let a method do nothing."""
    return lambda patch: patch.setattr(owner, name, lambda *args: None)


def _value(place: object, name: str, value: object) -> Callable[[pytest.MonkeyPatch], object]:
    """Give a constant another value, or put another method in place of one."""
    return lambda patch: patch.setattr(place, name, value)


def _put(name: str, value: object) -> Callable[[Any], object]:
    """What sets an attribute of an object."""
    return lambda self: setattr(self, name, value)


def _be_patient(patch: pytest.MonkeyPatch) -> None:
    """A test sets how long an attach may take; that does not count here."""
    follow = Listener._follow

    def followed(self: Listener, *args: Any) -> Any:
        patch.setattr(listen, "ATTACH_S", tests.LONG_S)
        return follow(self, *args)

    patch.setattr(Listener, "_follow", followed)


def _stay_current(watch: Watch) -> None:
    watch.reads += len(watch.names)


def _reset_for_nothing(watch: Watch) -> None:
    watch.current = False


def _ignore_counts(patch: pytest.MonkeyPatch) -> None:
    take = ListenStream._take

    def taken(self: ListenStream, response: Any) -> None:
        if response.WhichOneof("response_type") != "filter":
            take(self, response)

    patch.setattr(ListenStream, "_take", taken)


def _bill_at_once(patch: pytest.MonkeyPatch) -> None:
    begin = Watch.__init__

    def begun(self: Watch, target: int, names: Sequence[str], runtime: Any) -> None:
        begin(self, target, names, runtime)
        self.reads = len(names)

    patch.setattr(Watch, "__init__", begun)


def _bill_no_change(watch: Watch) -> None:
    watch.answer()
    watch.found = True
    watch.end()


def _always_told(patch: pytest.MonkeyPatch) -> None:
    wait_for = store.FirestoreStore.wait_for
    patch.setattr(store.FirestoreStore, "wait_for", lambda self, *args: wait_for(self, *args) or True)


def _last_for_ever(patch: pytest.MonkeyPatch) -> None:
    begin = rpc.Calls.listen
    patch.setattr(rpc.Calls, "listen", lambda self, requests, timeout_s: begin(self, requests, 1e6))


_quiet = partial(tests.test_a_wait_without_an_event_costs_a_read_a_document_and_ends_at_its_time, count=20)
_never_works = partial(
    tests.test_where_listen_never_works_six_streams_a_minute_are_opened, code=StatusCode.RESOURCE_EXHAUSTED
)

#: each rule of waits that listen
BROKEN: dict[str, Rule] = {
    "an id of a target is used once": Rule(
        _before(ListenStream, "attach", _put("_targets", 0)),
        tests.test_waits_one_after_the_other_use_one_stream_and_ids_are_new,
    ),
    "waits share a stream": Rule(
        _before(ListenStream, "attach", _put("_room", 1)), tests.test_a_hundred_waits_share_two_streams
    ),
    "a stream has room for 64 waits": Rule(
        _before(ListenStream, "attach", _put("_room", 1_000)), tests.test_a_hundred_waits_share_two_streams
    ),
    "over Google's emulator each wait has a stream": Rule(
        _value(store, "WAITS_A_STREAM_OF_EMULATOR", 64),
        tests.test_over_googles_emulator_each_wait_has_a_stream_and_looks_once,
    ),
    "over Google's emulator a wait looks once its target is current": Rule(
        _before(Listener, "_follow", _put("_look", None)),
        tests.test_over_googles_emulator_each_wait_has_a_stream_and_looks_once,
    ),
    "a stream without waits ends": Rule(
        _value(listen_stream, "LINGER_S", 1_000.0), tests.test_a_stream_ends_when_nobody_has_waited_for_a_second
    ),
    "a stream that was idle for long is not used": Rule(
        _before(ListenStream, "attach", lambda self: setattr(self, "_idle_since", self._runtime.monotonic())),
        tests.test_a_stream_that_was_idle_for_long_is_not_used_again,
    ),
    "a stream lasts ten minutes": Rule(_last_for_ever, tests.test_a_stream_lasts_ten_minutes_at_most),
    "a wait whose stream ends attaches again": Rule(
        _value(store, "ATTACHES", 1), tests.test_a_wait_attaches_three_times_and_then_polls
    ),
    "a wait attaches three times at most": Rule(
        _value(store, "ATTACHES", 1_000), tests.test_a_wait_attaches_three_times_and_then_polls
    ),
    "a stream that never worked shuts Listen off": Rule(
        _nothing(Listener, "_fail"),
        partial(tests.test_where_listen_never_works_waits_cost_what_polls_do, code=StatusCode.UNAVAILABLE),
    ),
    "the pause doubles": Rule(_value(listen, "LAST_PAUSE_S", listen.FIRST_PAUSE_S), _never_works),
    "the pause is at random longer": Rule(
        _before(Listener, "_fail", lambda self: setattr(self._runtime, "_chance", 0.5)),
        tests.test_the_pause_after_a_failure_is_at_random_longer_by_up_to_a_half,
    ),
    "a target that is current ends the pauses' growth": Rule(
        _nothing(Listener, "_work"), tests.test_what_works_again_is_used_again_and_at_once_after_the_next_failure
    ),
    "until Listen has worked, one stream is tried": Rule(
        _before(Listener, "_attach", _put("_proven", True)),
        tests.test_waits_that_begin_together_try_one_stream_where_none_has_worked,
    ),
    "a refusal shuts Listen off for ten minutes": Rule(
        _value(listen, "DISTRUST_S", 60.0), tests.test_a_refusal_lets_waits_poll_for_ten_minutes_and_is_logged_once
    ),
    "a refusal is logged once": Rule(
        _before(Listener, "distrust", _put("_warned", False)),
        tests.test_a_refusal_lets_waits_poll_for_ten_minutes_and_is_logged_once,
    ),
    "an attach that is not answered lets the wait poll": Rule(
        _be_patient, tests.test_a_wait_polls_while_its_attach_is_not_answered
    ),
    "after a reset a target is not current": Rule(
        _value(Watch, "reset", _stay_current),
        tests.test_a_wait_that_ends_between_a_reset_and_the_new_state_is_not_sure,
    ),
    "a count of documents ends the wait": Rule(_ignore_counts, tests.test_a_count_of_documents_ends_the_wait),
    "an attach is billed": Rule(_nothing(Watch, "answer"), _quiet),
    "an attach is billed when it is answered": Rule(
        _bill_at_once, tests.test_a_server_that_says_nothing_is_waited_for_a_second_and_then_polled
    ),
    "a change is billed": Rule(
        _value(Watch, "find", _bill_no_change), tests.test_a_change_after_the_attach_is_one_more_read
    ),
    "a reset is billed": Rule(
        _value(Watch, "reset", _reset_for_nothing), tests.test_a_reset_costs_the_documents_again_and_tells_what_comes
    ),
    "a wait says that it was not told": Rule(_always_told, _quiet),
    "a wait that missed a document is found out": Rule(
        _nothing(quiet_waits.QuietWaits, "missed"), tests.test_a_wait_that_was_not_told_is_found_out
    ),
    "what came in a wait's last two seconds is not missed": Rule(
        _value(quiet_waits, "_TOLERANCE_US", 0),
        tests.test_what_was_created_in_the_last_two_seconds_of_a_wait_was_not_missed,
    ),
    "a stream takes a document of a mebibyte": Rule(
        _value(rpc, "_OPTIONS", (*rpc._OPTIONS, ("grpc.max_receive_message_length", 2**19))),
        tests.test_a_document_of_a_mebibyte_ends_the_wait,
    ),
    "the end of the store ends waits": Rule(
        _nothing(Listener, "close"),
        partial(tests.test_the_end_of_the_store_ends_waits_that_listen, end=store.FirestoreStore.end_waits),
    ),
}
