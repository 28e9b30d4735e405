"""The times of a run, shortened together."""

from __future__ import annotations

#: F (`Settings.floor_s`): no writer trusts a tail it learned so long ago. Seconds
FLOOR_S = 4.0
#: within this a publish tried again is stored once (2F), µs
ONCE_US = round(2 * FLOOR_S * 1_000_000)
#: a publisher goes on trying the same event for so long: delays on the way still leave it within 2F. Seconds
PUBLISH_S = 1.2 * FLOOR_S
#: of the subscriptions: short, so that killed consumers' events come again soon. Seconds
ACK_DEADLINE_S = 3
#: after a failed attempt, doubling with each. Seconds
BACKOFF_S = 0.2
#: how long a try waits for its answer: what meets a frozen process is soon tried at another. Seconds
READ_TIMEOUT_S = 2.0
#: a frozen process stays so for longer than F. Seconds
PAUSE_S = (FLOOR_S + 0.5, FLOOR_S + 2.0)
#: of topics whose events nobody may miss; longer than any consumer lags. Seconds
KEPT_S = 40
#: of topics that retention empties before a lazy subscriber comes (2F, the smallest). Seconds
BRIEF_S = 8
#: the end: everything must be delivered and settled after so long. Seconds
DRAIN_S = 60.0
