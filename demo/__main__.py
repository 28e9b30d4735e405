"""Publish real webhooks from several processes, consume them in several others, and check every one of them."""

from __future__ import annotations

import argparse
import sys
import time

from demo.checking import faults_of
from demo.consuming import consume
from demo.crew import Crew, CrewError
from demo.emulator import running_emulator
from demo.messages import Advanced, Finished
from demo.progress import Progress
from demo.publishing import publish
from demo.report import table
from demo.webhooks import Webhooks

_PUBLISHERS = ("relay-1", "relay-2", "relay-3")
#: subscribers: how many processes share its events, and what its topics begin with
_SUBSCRIBERS: dict[str, tuple[int, tuple[str, ...]]] = {
    "archive": (1, ("github.",)),
    "triage": (1, ("github.issue", "github.label", "github.milestone", "github.discussion")),
    "builds": (1, ("github.check_", "github.workflow_", "github.push", "github.status")),
    "search": (2, ("github.",)),
}


def main() -> int:
    """Run the demo and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--events", type=int, default=5_000, help="how many to publish (default: %(default)s)")
    webhooks = Webhooks(parser.parse_args().events)
    topics = {name: _topics_of(name, webhooks) for name in _SUBSCRIBERS}
    expected = {name: webhooks.expected(set(topics[name])) for name in _SUBSCRIBERS}
    print(
        f"{webhooks.total:,} webhooks to {len(webhooks.topics)} topics, from {len(_PUBLISHERS)} publishers "
        f"to {len(_SUBSCRIBERS)} subscribers ({', '.join(f'{name}: {len(topics[name])} topics' for name in topics)})"
    )
    began = time.monotonic()
    try:
        with running_emulator() as url:
            finished = _run(url, webhooks, topics, sum(len(events) for events in expected.values()))
    except (CrewError, RuntimeError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    faults = [
        fault
        for name in _SUBSCRIBERS
        for fault in faults_of(name, expected[name], [finished[process].arrivals for process in _processes_of(name)])
    ]
    rows = [*((name, [name]) for name in _PUBLISHERS), *((name, _processes_of(name)) for name in _SUBSCRIBERS)]
    print(table((name, [finished[process] for process in processes]) for name, processes in rows))
    for fault in faults:
        print(f"demo: {fault}", file=sys.stderr)
    if not faults:
        print(f"Everything arrived: once, whole and in order. {time.monotonic() - began:.1f} s.")
    return 1 if faults else 0


def _run(url: str, webhooks: Webhooks, topics: dict[str, list[str]], deliveries: int) -> dict[str, Finished]:
    """Publish and consume all; what each process did."""
    finished: dict[str, Finished] = {}
    progress = Progress("published and delivered", webhooks.total + deliveries)
    with Crew() as crew:
        for name in _SUBSCRIBERS:
            for process in _processes_of(name):
                crew.start(process, consume, url, process, name, topics[name], crew.enough)
        for place, name in enumerate(_PUBLISHERS):
            crew.start(name, publish, url, name, webhooks.total, place, len(_PUBLISHERS))
        for message in crew.news():
            if isinstance(message, Finished):
                finished[message.process] = message
            elif isinstance(message, Advanced):
                progress.advance(message.events)
                if message.process not in _PUBLISHERS:
                    deliveries -= message.events
                    if deliveries <= 0:
                        crew.enough.set()
    return finished


def _topics_of(subscriber: str, webhooks: Webhooks) -> list[str]:
    return [topic for topic in webhooks.topics if topic.startswith(_SUBSCRIBERS[subscriber][1])]


def _processes_of(subscriber: str) -> list[str]:
    count, _ = _SUBSCRIBERS[subscriber]
    return [subscriber] if count == 1 else [f"{subscriber}-{number}" for number in range(1, count + 1)]


if __name__ == "__main__":
    sys.exit(main())
