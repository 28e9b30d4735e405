"""What `pubsubclient.otel` costs a lone publish, with and without it, in turns.

    python -m benchmarks.telemetry

Without an exporter: once without OpenTelemetry's SDK, once with it. Bound: 1.10 of the time of a publish that nothing watches.
"""

from __future__ import annotations

import statistics
import time
from contextlib import closing

from benchmarks.service.ours import emulator
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from pubsubclient import Publisher, otel

_ROUNDS, _PUBLISHES = 15, 300


def _us(publisher: Publisher) -> tuple[float, float]:
    """Publish; returns the median time of a publish, and the client's CPU time."""
    cpu, taken = time.process_time(), []
    for number in range(_PUBLISHES):
        began = time.perf_counter()
        publisher.publish("orders", number)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6, (time.process_time() - cpu) / _PUBLISHES * 1e6


def main() -> None:
    """Print the medians of all rounds."""
    providers = {"API alone": (None, None), "SDK, no exporter": (TracerProvider(), MeterProvider())}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ("off", *providers)}
    with closing(emulator("sqlite")) as running:
        publisher = Publisher("shop", service=running.line.split()[-1])
        _us(publisher)
        for _ in range(_ROUNDS):
            otel.uninstrument()
            taken["off"].append(_us(publisher))
            for name, (spans, metrics) in providers.items():
                otel.instrument(spans, metrics)
                taken[name].append(_us(publisher))
    for name, figures in taken.items():
        us, cpu_us = (statistics.median(column) for column in zip(*figures, strict=True))
        ratio = statistics.median(one[0] / off[0] for one, off in zip(figures, taken["off"], strict=True))
        print(f"{name:<18} {us:6.0f} us a publish, {cpu_us:6.0f} us of the client's CPU   {ratio:.3f}")


if __name__ == "__main__":
    main()
