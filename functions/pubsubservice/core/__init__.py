"""What every room may use: problems, settings, the process's runtime, the meter, ownership, names, patterns and times."""
