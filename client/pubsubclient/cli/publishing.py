"""Publishes lines in chunks, and says which of them are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pubsubclient.cli.event_lines import EventMaker, LineError
from pubsubclient.cli.failures import NO_ANSWER, PARTLY, CommandError, ReaderHasGone, failure_of
from pubsubclient.cli.output import Output

if TYPE_CHECKING:
    from pubsubclient import Event, Publisher, PublishError, Receipt

__all__ = ["PublishedLines"]


class PublishedLines:
    """The events of the lines so far. The first line that cannot be published ends it; the ones before are stored.

    Attributes:
        stored: how many events are stored
    """

    def __init__(self, output: Output, publisher: Publisher, delay_s: float | None) -> None:
        self._output = output
        self._publisher = publisher
        self._delay_s = delay_s
        self._failure: CommandError | None = None
        self._reader_has_gone = False
        self.stored = 0

    def publish(self, lines: Sequence[tuple[int, bytes]], maker: EventMaker) -> bool:
        """Publish a chunk of numbered lines; returns whether all of its events are stored."""
        events = []
        for number, line in lines:
            try:
                events.append((number, maker.make(line)))
            except LineError as error:  # noqa: PERF203 - each line by itself
                self._failure = CommandError(str(error), line=number)
                break
        return self._send(events) and self._failure is None

    def end(self, summary: str, *, several: bool) -> int:
        """Write how it went; returns the exit code, or raises CommandError."""
        if self._failure is None:
            if several:
                self._output.note(summary)
            return 0
        failure = self._failure
        if several:
            line = failure.more["line"]
            stored = f"The {self.stored} events before it are stored." if self.stored else "Nothing was stored."
            failure.detail = f"line {line}: {failure.detail.rstrip('.')}. {stored}"
        else:
            failure.more.pop("line", None)
        if self.stored and failure.exit_code != NO_ANSWER:
            failure.exit_code = PARTLY
        raise failure

    def _send(self, events: Sequence[tuple[int, Event]]) -> bool:
        """Publish events; of a request that is refused because of one event, those before it are stored."""
        from pubsubclient import InvalidArgument, PublishError, PublishRefused  # noqa: PLC0415 - imported already

        if not events:
            return True
        try:
            receipts: Sequence[Receipt | None]
            receipts = self._publisher.publish([event for _, event in events], delay=self._delay_s)
        except InvalidArgument as error:
            if len(events) > 1:
                return self._halves(events)
            self._fail(events[0][0], CommandError(str(error)))
            return False
        except PublishError as error:
            self._say(events, error.receipts)
            left = [pair for pair, receipt in zip(events, error.receipts, strict=True) if receipt is None]
            if isinstance(error, PublishRefused) and len(left) > 1:
                return self._halves(left)
            self._fail(left[0][0], _failure(error))
            return False
        self._say(events, receipts)
        return True

    def _halves(self, events: Sequence[tuple[int, Event]]) -> bool:
        middle = len(events) // 2
        return self._send(events[:middle]) and self._send(events[middle:])

    def _fail(self, number: int, failure: CommandError) -> None:
        """Keep the failure of the first line that failed, which may be before one that is no event."""
        failure.more["line"] = number
        self._failure = failure

    def _say(self, events: Sequence[tuple[int, Event]], receipts: Sequence[Receipt | None]) -> None:
        for (number, _), receipt in zip(events, receipts, strict=True):
            if receipt is not None:
                self.stored += 1
                self._write(number, receipt)

    def _write(self, number: int, receipt: Receipt) -> None:
        """Write a receipt. Publishing goes on if nobody reads them any more."""
        if self._reader_has_gone:
            return
        try:
            if self._output.json:
                self._output.record({"line": number, **_members(receipt)})
            else:
                self._output.line(receipt.sequence)
        except ReaderHasGone:
            self._reader_has_gone = True


def _members(receipt: Receipt) -> dict[str, Any]:
    return {"id": receipt.id, "sequence": receipt.sequence, "recordedtime": receipt.recordedtime.isoformat()}


def _failure(error: PublishError) -> CommandError:
    failure = failure_of(error.reason)
    if error.uncertain:
        failure.exit_code = NO_ANSWER
        failure.detail = f"{failure.detail.rstrip('.')}; it may be stored nevertheless"
    return failure
