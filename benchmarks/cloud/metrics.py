"""How many reads Cloud Monitoring counted in a span of time."""

from __future__ import annotations

from datetime import datetime, timezone

import google.auth
from google.auth.transport.requests import AuthorizedSession

__all__ = ["METRIC_DELAY_S", "reads_between"]

#: seconds until the counts of a span are there, and the next span's are not in them: "Sampled every 60 seconds. After
#: sampling, data is not visible for up to 240 seconds."
#: (https://cloud.google.com/monitoring/api/metrics_gcp_d_h#gcp-firestore)
METRIC_DELAY_S = 420
_METRICS = ("firestore.googleapis.com/document/read_count", "firestore.googleapis.com/document/read_ops_count")
_MARGIN_S = 60


def reads_between(project: str, began_s: float, ended_s: float) -> int:
    """Return the reads of the project between two times, seconds of the epoch, with a minute before and two after.

    Raises RuntimeError if Cloud Monitoring cannot be asked, or knows neither of the metrics.
    """
    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/monitoring.read"])
    session = AuthorizedSession(credentials)
    for metric in _METRICS:
        response = session.get(
            f"https://monitoring.googleapis.com/v3/projects/{project}/timeSeries",
            params={
                "filter": f'metric.type="{metric}"',
                "interval.startTime": _time(began_s - _MARGIN_S),
                "interval.endTime": _time(ended_s + 2 * _MARGIN_S),
            },
            timeout=30,
        )
        if response.status_code != 200:
            raise RuntimeError(f"Cloud Monitoring answered {response.status_code}: {response.text[:200]}")
        series = response.json().get("timeSeries", [])
        if series:
            return sum(int(point["value"].get("int64Value", 0)) for each in series for point in each["points"])
    raise RuntimeError("Cloud Monitoring has no reads of that time")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
