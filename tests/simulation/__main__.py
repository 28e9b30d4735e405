"""Run seeds of the simulation on all cores: ``python -m simulation --seeds 20000``, or one again: ``--seed 4711``."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable

from .broken import BROKEN
from .broken_clients import BROKEN_CLIENTS, CLIENT_MIXES
from .mixes import MIXES
from .world import World


def run_seed(seed: int) -> tuple[int, dict[str, int]]:
    """The violations of one seed."""
    if seed % 50 == 0:
        gc.collect()
    return seed, World(seed).run()


def main() -> int:
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many seeds to run (default 500)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument("--seed", type=int, help="run this one seed, as often as you like: it does the same each time")
    parser.add_argument("--without", choices=[*BROKEN, *BROKEN_CLIENTS], help="with --seed: leave this rule out")
    options = parser.parse_args()
    if options.seed is not None:
        world = _world(options.seed, options.without)
        found = world.run()
        print(f"seed {options.seed}: {world.scheduler.steps} steps,", found or "no violation")
        return 1 if found else 0
    began = time.monotonic()
    with multiprocessing.Pool(initializer=gc.disable) as pool:
        seeds = range(options.first, options.first + options.seeds)
        failed = _watch(pool.imap_unordered(run_seed, seeds, chunksize=10), options.seeds, began)
    took = time.monotonic() - began
    print(
        f"{options.seeds} seeds in {took:.0f} s on {os.cpu_count()} cores, {options.seeds / took:.1f} seeds/s: "
        f"{failed or 'no'} failure{'s' if failed != 1 else ''}"
    )
    return 1 if failed else 0


def _world(seed: int, without: str | None) -> World:
    if without in BROKEN_CLIENTS:
        return World(seed, mix=CLIENT_MIXES[without], sdk=BROKEN_CLIENTS[without])
    return World(seed, BROKEN[without], MIXES.get(without)) if without else World(seed)


def _watch(results: Iterable[tuple[int, dict[str, int]]], total: int, began: float) -> int:
    failed = 0
    for done, (seed, found) in enumerate(results, 1):
        if found:
            failed += 1
            print(f"\rseed {seed}: {found}; again with: make simulate SEED={seed}", flush=True)
        if sys.stderr.isatty() and done % 20 == 0:
            rate = done / (time.monotonic() - began)
            print(f"\r{done}/{total} seeds, {rate:.1f}/s, {failed} failed ", end="", file=sys.stderr, flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
