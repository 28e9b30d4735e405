"""Forks, several loops, loops that are closed, and the end of the program: no hang, no traceback."""

from __future__ import annotations

import os

import pytest

import pubsubclient
from pubsubclient import Service
from unit.sdk.programs import run_program

_START = """
import asyncio, os, sys, threading
from pubsubclient.aio import Event, Publisher, Subscriber
topic, name = {topic!r}, {name!r}
"""
_WAITING = """
async def until_waiting(subscriber):
    while not any(caller.cancellation._calls for caller in list(subscriber._waiting)):
        await asyncio.sleep(0.01)
"""

PROGRAMS = {
    "the program ends while tasks wait": """
async def main():
    subscriber = Subscriber(name)
    tasks = [asyncio.create_task(subscriber.get_events(wait=20)) for _ in range(3)]
    tasks.append(asyncio.create_task(anext(subscriber.events())))
    await until_waiting(subscriber)
asyncio.run(main())
""",
    "the loop is closed while calls run": """
async def main():
    subscriber = Subscriber(name)
    tasks.append(asyncio.create_task(subscriber.get_events(wait=20)))
    await until_waiting(subscriber)
tasks = []
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
tasks[0]._log_destroy_pending = False  # asyncio itself warns of a task that its loop forgot
""",
    "loops in threads share what publishes and receives": """
publisher, subscriber = Publisher("shop"), Subscriber(name)
batch = publisher.batch(max_events=5)
got = []
async def work():
    receipts = await asyncio.gather(*(publisher.publish(topic) for _ in range(20)), *(batch.publish(topic) for _ in range(20)))
    assert len({receipt.sequence for receipt in receipts}) == 40
    async for event in subscriber.events(wait=0, max_events=10):
        got.append(event.id)
threads = [threading.Thread(target=asyncio.run, args=(work(),)) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
async def rest():
    await batch.close()
    got.extend([event.id async for event in subscriber.events(wait=1)])
asyncio.run(rest())
assert (len(got), len(set(got))) == (160, 160), (len(got), len(set(got)))
""",
    "one loop after another": """
publisher, subscriber = Publisher("shop"), Subscriber(name)
async def work():
    async with publisher.batch() as batch:
        await batch.publish(topic)
    assert len(await subscriber.get_events(wait=20)) == 1
    await subscriber.close()
for _ in range(3): asyncio.run(work())
""",
    "an event is given back at the end": """
async def main():
    await Publisher("shop").publish(topic)
    assert len(await Subscriber(name).get_events()) == 1
asyncio.run(main())
""",
}
if hasattr(os, "fork"):
    PROGRAMS["a child has threads of its own"] = """
publisher, subscriber = Publisher("shop"), Subscriber(name)
async def publish(): return await publisher.publish(topic, os.getpid())
async def both():
    await asyncio.gather(publish(), publish())
asyncio.run(both())
pid = os.fork()
if not pid:
    asyncio.run(both())
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
async def rest():
    async with subscriber:
        return [event.data for event in await subscriber.get_events()]
assert sorted(asyncio.run(rest())) == sorted([os.getpid(), pid] * 2)
"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_ends_in_good_order(program: str, topic: str, name: str, service: Service) -> None:
    """It writes nothing to its standard error, and what it held is there for others, as the first attempt."""
    code = _START.format(topic=topic, name=name) + _WAITING + PROGRAMS[program]
    ran = run_program(code, service.urls["publish"].removesuffix("/publish"))
    assert (ran.returncode, ran.stderr) == (0, "")
    with pubsubclient.Subscriber(name, service=service) as subscriber:
        assert subscriber.state().leases == ()
        pubsubclient.Publisher("shop", service=service).publish(topic, "late")
        received = subscriber.get_events(wait=20)
        assert received[-1].data == "late"
        assert {event.attempt for event in received} == {1}
