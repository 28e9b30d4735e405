"""Entry points for the Functions Framework: ``functions-framework --source main.py --target publish``."""

from pubsubservice.main import expire, get_events, publish, register, subscribe

__all__ = ["expire", "get_events", "publish", "register", "subscribe"]
