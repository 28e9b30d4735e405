"""An example of a consumer: prints each event of each topic as it comes."""

from pubsubclient import Any, Subscriber

with Subscriber("printer") as printer:
    printer.subscribe(Any)
    print("waiting for events", flush=True)
    for event in printer.events():
        print(event.topic, event.data, flush=True)
