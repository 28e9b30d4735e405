"""A run as people read it: tables in Markdown, and a plot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.service.bounds import Verdict
from benchmarks.service.rounds import Figures

__all__ = ["plot", "table", "verdict_table"]

#: figures a line of a table holds
_MAX_COLUMNS = 6

#: what the plot shows: workload, figure
_SHOWN = (
    ("lone", "p50 ms"),
    ("latency-idle", "p50 ms"),
    ("batch-1000-structured", "publish /s"),
    ("batch-1000-structured", "drain /s"),
    ("batch-1000-string", "publish /s"),
    ("fan-out", "deliveries /s"),
)


def table(workload: str, figures: Figures) -> str:
    """A workload in Markdown: a row for each contender, a column for each figure; the other way round if there are many."""
    columns = list(dict.fromkeys(figure for row in figures.values() for figure in row))
    cells = {
        (name, column): _number(row[column]) if column in row else ""
        for name, row in figures.items()
        for column in columns
    }
    if len(columns) <= _MAX_COLUMNS:
        return _table(workload, columns, [(name, [cells[name, column] for column in columns]) for name in figures])
    return _table(workload, list(figures), [(column, [cells[name, column] for name in figures]) for column in columns])


def verdict_table(bounds: Iterable[Verdict]) -> str:
    """The bounds in Markdown: measured, allowed, met or not."""
    rows = []
    for verdict in bounds:
        bound = f"{'≤' if verdict.sense == '<=' else '≥'} {verdict.bound:g}"
        rows.append((verdict.what, [_number(verdict.measured), bound, "met" if verdict.met else "MISSED"]))
    return _table("bounds", ["measured", "bound", ""], rows)


def _table(title: str, columns: list[str], rows: Iterable[tuple[str, list[str]]]) -> str:
    head = [f"| {title} | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    return "\n".join([*head, *(f"| {name} | {' | '.join(row)} |" for name, row in rows)])


def _number(value: float) -> str:
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def plot(results: Mapping[str, Figures], path: Path) -> None:
    """Bars of the contenders, on a logarithmic scale. Needs matplotlib."""
    import matplotlib  # noqa: PLC0415 - only who wants a plot needs it

    matplotlib.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    shown = [(workload, figure) for workload, figure in _SHOWN if workload in results]
    figure, axes = pyplot.subplots(-(-len(shown) // 2), 2, figsize=(11, 2.6 * -(-len(shown) // 2)), squeeze=False)
    for spare in list(axes.flat)[len(shown) :]:
        spare.axis("off")
    for (workload, wanted), place in zip(shown, axes.flat, strict=False):
        _bars(place, workload, wanted, {name: row[wanted] for name, row in results[workload].items() if wanted in row})
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _bars(place: Any, workload: str, wanted: str, values: Mapping[str, float]) -> None:
    names = list(values)[::-1]
    colours = ["#1f6f8b" if name.startswith("ours") else "#b0b7bd" for name in names]
    bars = place.barh(names, [values[name] for name in names], color=colours)
    place.bar_label(bars, labels=[_number(values[name]) for name in names], padding=3, fontsize=8)
    place.set_xscale("log")
    place.set_title(f"{workload}: {wanted}", fontsize=9, loc="left")
    place.margins(x=0.25)
    place.tick_params(labelsize=8)
    for side in ("top", "right"):
        place.spines[side].set_visible(False)
