"""A worker whose handler takes its time, and writes down when it begins and ends with each event.

python slow.py URL SUBSCRIBER TOPIC FILE SECONDS [OPTION=VALUE ...]
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time

from pubsubclient import Service
from pubsubclient._worker import worker as worker_module
from worker.functions import FunctionHandler, consumer, worker_of
from worker.records import write_record


def main() -> int:
    url, subscriber, topic, file, seconds, *options = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    written = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def tell(what: str, event: object) -> None:
        line = {"what": what, "id": event.id, "attempt": event.attempt, "at": time.monotonic()}  # type: ignore[attr-defined]
        write_record(written, line)

    def handle(event: object) -> None:
        tell("begun", event)
        time.sleep(float(seconds))
        tell("done", event)

    chosen = {name: json.loads(value) for name, _, value in (option.partition("=") for option in options)}
    deadline = chosen.pop("ack_deadline", 30)
    worker_module._CUT_S = chosen.pop("cut_s", worker_module._CUT_S)
    handler = FunctionHandler(handle, timeout=chosen.pop("timeout", None))
    return worker_of(
        Service(url), consumer(subscriber, topic, handler, ack_deadline=deadline, backoff=0), **chosen
    ).run()


if __name__ == "__main__":
    sys.exit(main())
