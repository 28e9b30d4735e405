"""Puts the figures of a run into a page: ``python -m benchmarks.service.document run.json docs/performance.md``.

In the page ``<!-- figures: NAME -->`` begins what is replaced, up to the next ``<!-- end -->``; NAME is a workload, or one of
`machine`, `bounds`, `limits of` and `model`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from benchmarks.model import Measured
from benchmarks.model import table as model_table
from benchmarks.service.bounds import verdicts
from benchmarks.service.report import table, verdict_table

__all__ = ["fill"]

_BLOCK = re.compile(r"(<!-- figures: ([^\n]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(page: str, run: dict[str, Any]) -> str:
    """The page with the figures of a run; what the run does not have stays as it is."""

    def block(found: re.Match[str]) -> str:
        try:
            return f"{found[1]}{_figures(found[2], run)}\n{found[3]}"
        except KeyError:
            return found[0]

    return _BLOCK.sub(block, page)


def _figures(name: str, run: dict[str, Any]) -> str:
    results = run["results"]
    if name == "machine":
        return f"{run['date']}; {run['machine']}."
    if name == "bounds":
        return verdict_table(verdicts(results))
    if name == "limits of":
        return _limits(results)
    if name == "model":
        return model_table(Measured.of(run))
    return table(name, results[name])


def _limits(results: dict[str, Any]) -> str:
    """What is measured, beside what its parts take by themselves."""
    store, codec = results["limits"]["SQLite"], results["limits"]["codec"]
    echo, batched = results["lone"]["bare echo"]["p50 ms"], results["batch-1000-structured"]["ours"]
    rows = (
        (
            "lone publish, ms",
            results["lone"]["ours"]["p50 ms"],
            echo + store["create, 1 event ms"],
            "bare echo + bare create",
        ),
        (
            "publish to receive, ms",
            results["latency-idle"]["ours"]["p50 ms"],
            echo + store["create, 1 event ms"],
            "bare echo + bare create",
        ),
        (
            "batched publish, ms for 1,000",
            1e6 / batched["publish /s"],
            codec["encode 1,000 ms, orjson"] + store["create, 1,000 events ms"],
            "encode + bare create",
        ),
        (
            "drain, ms for 1,000",
            1e6 / batched["drain /s"],
            store["read, 1,000 events ms"] + codec["decode 1,000 ms, orjson"],
            "bare read + decode",
        ),
    )
    lines = ["| | ours | limit | ratio | the limit is |", "| --- | ---: | ---: | ---: | --- |"]
    for what, ours, least, of in rows:
        lines.append(f"| {what} | {ours:.3g} | {least:.3g} | {ours / least:.2g} | {of} |")
    return "\n".join(lines)


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    filled = fill(target.read_text(encoding="utf-8"), json.loads(source.read_text(encoding="utf-8")))
    target.write_text(filled, encoding="utf-8")
