"""Calls about subscribers and upkeep: subscribe, describe, explain an event, and scheduled housekeeping."""
