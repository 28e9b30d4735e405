"""A worker whose handler decides by chance, and writes down what it has decided.

python fickle.py URL NAME FILE ATTEMPTS
"""

from __future__ import annotations

import logging
import os
import random
import sys
import time

from pubsubclient import Pause, ReceivedEvent, Reject, Retry, Service
from worker.functions import FunctionHandler, consumer, worker_of
from worker.records import write_record


def main() -> int:
    url, name, file, attempts = sys.argv[1:]
    logging.basicConfig(level=logging.INFO)
    written = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    chance = random.SystemRandom()

    def tell(event: ReceivedEvent, verdict: str) -> None:
        line = {
            "n": event.data,
            "attempt": event.attempt,
            "verdict": verdict,
            "at": time.monotonic(),
            "pid": os.getpid(),
        }
        write_record(written, line)

    def handle(event: ReceivedEvent) -> None:
        verdict = chance.choices(["ack", "retry", "error", "reject", "pause"], [65, 15, 10, 9, 0.3])[0]
        time.sleep(0.01)
        tell(event, verdict)
        if verdict == "retry":
            raise Retry("retry", delay=0)
        if verdict == "error":
            raise ValueError("error")
        if verdict == "reject":
            raise Reject("reject")
        if verdict == "pause":
            raise Pause(0.1, "pause")

    settings = {"ack_deadline": 20, "backoff": 0, "max_attempts": int(attempts)}
    handler = FunctionHandler(handle, max_attempts=int(attempts))
    return worker_of(Service(url), consumer(name, name, handler, **settings), prefetch=0.1).run()


if __name__ == "__main__":
    sys.exit(main())
