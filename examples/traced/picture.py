"""Draws finished spans as a picture: a bar for each, below its parent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["drawn"]

_ROW, _NAMES, _BARS = 26, 210, 430
_COLOURS = {"INTERNAL": "#6b7280", "PRODUCER": "#2563eb", "CLIENT": "#0d9488", "CONSUMER": "#b45309"}


def drawn(spans: Sequence[ReadableSpan]) -> str:
    """Return an SVG document of these spans. Bars are as long as their spans took, but for the least width."""
    rows = list(_rows(spans, None, 0))
    first = min(span.start_time or 0 for span in spans)
    scale = _BARS / max(1, max(span.end_time or 0 for span in spans) - first)
    lines = []
    for place, (span, depth) in enumerate(rows):
        width = max(3.0, scale * ((span.end_time or 0) - (span.start_time or 0)))
        left = min(_NAMES + scale * ((span.start_time or 0) - first), _NAMES + _BARS - width)
        y = 10 + _ROW * place
        lines += [
            f'<text x="{8 + 12 * depth}" y="{y + 14}">{escape(span.name)}</text>',
            f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="18" rx="3" fill="{_COLOURS[span.kind.name]}"/>',
        ]
    height = 20 + _ROW * len(rows)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_NAMES + _BARS + 10} {height}" role="img">',
            "<title>A trace from a request to a handler</title>",
            "<style>text { font: 13px sans-serif; fill: #1f2937 } .page { fill: #f9fafb }</style>",
            f'<rect class="page" width="100%" height="{height}" rx="6"/>',
            *lines,
            "</svg>\n",
        ]
    )


def _rows(spans: Sequence[ReadableSpan], parent: int | None, depth: int) -> Iterator[tuple[ReadableSpan, int]]:
    """Yield the spans below a parent in the order of their beginnings, each before its own children."""
    known = {span.context.span_id for span in spans if span.context}
    below = [
        span
        for span in spans
        if (span.parent.span_id if span.parent and span.parent.span_id in known else None) == parent
    ]
    for span in sorted(below, key=lambda one: one.start_time or 0):
        yield span, depth
        yield from _rows(spans, span.context.span_id if span.context else -1, depth + 1)
