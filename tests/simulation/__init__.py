"""The real service under a deterministic simulation."""

import logging

# what goes wrong is meant to: it is judged, not logged
logging.getLogger("pubsubservice").addHandler(logging.NullHandler())
