"""The same as `before.py` with an App: python after.py, or `python -m pubsubclient.worker after:app` beside an emulator."""

from __future__ import annotations

from dataclasses import dataclass

from pubsubclient import App, Reject, Retry, Topic


@dataclass
class Invoice:
    """An invoice that somebody is to get."""

    number: int
    address: str


invoices: Topic[Invoice] = Topic("invoices", of=Invoice)
app = App("mailer", publishes=[invoices])
busy = {"ada@example.com"}


class BusyError(Exception):
    """The mail server takes no mail just now."""


def deliver(address: str) -> None:
    """Stands for a mail server, which is busy the first time for some."""
    if address in busy:
        busy.discard(address)
        raise BusyError


@app.handler(invoices, max_attempts=5, publish_to="invoices.mailed")
def mail(invoice: Invoice) -> int:
    if "@" not in invoice.address:
        raise Reject("no address")
    try:
        deliver(invoice.address)
    except BusyError as error:
        raise Retry("the mail server is busy", delay=0) from error
    print(f"mailed invoice {invoice.number} to {invoice.address}", flush=True)
    return invoice.number


@app.handler("invoices.mailed", start="earliest")
def archive(number: int) -> None:
    print(f"archived invoice {number}", flush=True)


if __name__ == "__main__":
    app.publish(invoices, Invoice(17, "ada@example.com"))
    app.publish(invoices, Invoice(18, "bob@example.com"))
    app.publish(invoices, Invoice(19, "nowhere"))
