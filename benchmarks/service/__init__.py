"""What publishing and receiving cost, against peers and against the least that could be done: ``python -m benchmarks.service``."""
