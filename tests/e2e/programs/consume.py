"""Prints what a subscriber gets, a line of JSON an event, until it has so many: consume.py TOPIC SUBSCRIBER COUNT."""

import json
import sys

from pubsubclient import Subscriber

topic, name, count = sys.argv[1:]
got = 0
with Subscriber(name) as subscriber:
    subscriber.subscribe(topic)
    print("subscribed")
    while got < int(count) and (events := subscriber.get_events(wait=20)):
        for event in events:
            print(json.dumps([event.recordedtime.isoformat(), event.data["publisher"], event.data["number"]]))
        got += len(events)
    # what comes twice would come now
    for event in subscriber.get_events():
        print(json.dumps([event.recordedtime.isoformat(), event.data["publisher"], event.data["number"]]))
