"""Entry points for the functions framework: ``functions-framework --source main.py --target publish``."""

from pubsubservice.main import get_events, publish, register, subscribe

__all__ = ["get_events", "publish", "register", "subscribe"]
