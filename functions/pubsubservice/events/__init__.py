"""CloudEvents as bytes: validates each event once, when it is published. No I/O."""
