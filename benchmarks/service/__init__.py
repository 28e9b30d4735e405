"""What publishing and receiving cost, against peers and against the least possible: ``python -m benchmarks.service``."""
