"""A run as people read it: tables, and a plot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.service.bounds import Verdict
from benchmarks.service.rounds import Figures

__all__ = ["markdown", "plot"]

#: what the plot shows: workload, figure
_SHOWN = (
    ("lone", "p50 ms"),
    ("latency-idle", "p50 ms"),
    ("batch-1000-structured", "publish /s"),
    ("batch-1000-structured", "drain /s"),
    ("batch-1000-string", "publish /s"),
    ("fan-out", "deliveries /s"),
)


def markdown(results: Mapping[str, Figures], bounds: Iterable[Verdict]) -> str:
    """Tables in Markdown: each workload, then the bounds."""
    lines: list[str] = []
    for workload, figures in results.items():
        columns = list(dict.fromkeys(figure for row in figures.values() for figure in row))
        lines += [f"**{workload}**", "", f"| | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
        for name, row in figures.items():
            cells = (_number(row[column]) if column in row else "" for column in columns)
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    lines += ["**bounds**", "", "| | measured | bound | |", "| --- | ---: | ---: | --- |"]
    for verdict in bounds:
        met = "met" if verdict.met else "MISSED"
        bound = f"{'≤' if verdict.sense == '<=' else '≥'} {verdict.bound:g}"
        lines.append(f"| {verdict.what} | {_number(verdict.measured)} | {bound} | {met} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def plot(results: Mapping[str, Figures], path: Path) -> None:
    """Bars of the contenders, on a logarithmic scale. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

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
