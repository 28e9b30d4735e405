"""get_events: reads new events from the logs, redelivers due ones under leases, and publishes dead letters."""
