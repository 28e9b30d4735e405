"""Publishes events 0, 1, … to a topic, one at a time: publish.py TOPIC PUBLISHER COUNT. A line for each stored one."""

import sys

from pubsubclient import Event, Publisher

topic, name, count = sys.argv[1:]
publisher = Publisher(name)
for number in range(int(count)):
    receipt = publisher.publish(Event(topic, {"publisher": name, "number": number}))
    print(receipt.sequence)
