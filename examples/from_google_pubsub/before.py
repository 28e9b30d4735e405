"""A program of google-cloud-pubsub: publishes orders, and charges them in a callback. PUBSUB_EMULATOR_HOST says where."""

from __future__ import annotations

import threading

from google.cloud import pubsub_v1

ORDERS = 5
publisher = pubsub_v1.PublisherClient()
subscriber = pubsub_v1.SubscriberClient()
topic = publisher.topic_path("shop", "orders")
subscription = subscriber.subscription_path("shop", "billing")
publisher.create_topic(name=topic)
subscriber.create_subscription(name=subscription, topic=topic, ack_deadline_seconds=60)

failed: set[bytes] = set()
charged: list[str] = []
all_charged = threading.Event()


def charge(message: pubsub_v1.subscriber.message.Message) -> None:
    if message.data == b"3" and message.data not in failed:
        failed.add(message.data)
        message.nack()  # the bank is busy
        return
    charged.append(f"charged order {message.data.decode()} in {message.attributes['currency']}")
    message.ack()
    if len(charged) == ORDERS:
        all_charged.set()


for number in range(1, ORDERS + 1):
    publisher.publish(topic, str(number).encode(), currency="EUR").result()

with subscriber:
    pulling = subscriber.subscribe(subscription, callback=charge)
    all_charged.wait(60)
    pulling.cancel()
    pulling.result()
publisher.stop()
print("\n".join(sorted(charged)))
