"""The same as `before.py` with pubsubclient. PUBLISH_SUBSCRIBE_SERVICE, or config.json, says where."""

from __future__ import annotations

import threading

from pubsubclient import App, ReceivedEvent, Retry

ORDERS = 5
app = App("billing")

failed: set[bytes] = set()
charged: list[str] = []
all_charged = threading.Event()


@app.handler("orders", ack_deadline=60, start="earliest")
def charge(event: ReceivedEvent) -> None:
    if event.data == b"3" and event.data not in failed:
        failed.add(event.data)
        raise Retry("the bank is busy", delay=0)
    charged.append(f"charged order {event.data.decode()} in {event.attributes['currency']}")
    if len(charged) == ORDERS:
        all_charged.set()


for number in range(1, ORDERS + 1):
    app.publish("orders", str(number).encode(), attributes={"currency": "EUR"})

worker = app.worker()
worker.start()
all_charged.wait(60)
worker.stop()
worker.join()
print("\n".join(sorted(charged)))
