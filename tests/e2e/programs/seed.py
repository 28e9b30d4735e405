from pubsubclient import Event, Publisher, Subscriber, Topic

# fmt: off
# create and register or sync a publisher
publisher = Publisher('P1')
# create a new topic
topic = Topic('A')
# create an event of a topic
event = Event(topic)
# publisher publishes an event
publisher.publish(event)
# create and register or sync a subscriber
subscriber = Subscriber('S1')
# subscriber subscribes to a topic
subscriber.subscribe(topic)
# subscriber get all new events by time stamp of topics which it has subscribed
events = subscriber.get_events()
# fmt: on
print(*(f"{event.topic} {event.sequence} attempt {event.attempt}" for event in events), sep="\n")
