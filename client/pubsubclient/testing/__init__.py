"""Tests of programs without a server: the service itself in the test's process, and a clock that the test moves.

    from pubsubclient.testing import local

    with local() as pubsub:
        pubsub.publish("orders", {"number": 17})
        pubsub.deliver(app)
        assert pubsub.dead_letters("billing") == []

Needs ``pip install 'pubsubclient[emulator]'``. With pytest, the fixture ``pubsub`` is such a block. ``docs/testing.md`` has
all of it.

May import all rooms of the client, and calls the emulator's `in_process` by name. Begin with `local`, then `adapter` and
`clock`.
"""

from pubsubclient.testing.adapter import NothingWillCome
from pubsubclient.testing.faults import Call
from pubsubclient.testing.local import DeadLetter, Local, local
from pubsubclient.testing.receiver import Delivery

__all__ = ["Call", "DeadLetter", "Delivery", "Local", "NothingWillCome", "local"]
