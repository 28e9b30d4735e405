"""The real service under the deterministic simulation; and the simulation under broken services."""

from __future__ import annotations

import gc
import multiprocessing
import os

import pytest

from simulation.__main__ import run_seed
from simulation.broken import BROKEN
from simulation.broken_clients import BROKEN_CLIENTS, CLIENT_MIXES
from simulation.mix import Mix
from simulation.mixes import MIXES
from simulation.world import World
from torture.planted import PLANTED

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "500"))


@pytest.mark.timeout(600)
def test_the_promises_hold_under_every_seed() -> None:
    """Several instances, lost answers, stalls, crashes, retention and wrong clocks: nothing lost, doubled or reordered."""
    with multiprocessing.get_context("spawn").Pool(initializer=gc.disable) as pool:
        failures = [
            f"seed {seed}: {found} (again with: make simulate SEED={seed})"
            for seed, found in pool.imap_unordered(run_seed, range(SEEDS), chunksize=10)
            if found
        ]
    assert not failures, "\n".join(failures)


def test_a_seed_does_the_same_each_time() -> None:
    """A failure can be run again: what a seed does depends on nothing else."""
    steps = []
    for _ in range(2):
        world = World(7)
        world.run()
        steps.append((world.scheduler.steps, world.scheduler.time, sorted(world.store.documents)))
    assert steps[0] == steps[1]


@pytest.mark.parametrize("rule", BROKEN)
def test_without_a_rule_the_simulation_finds_a_failure(rule: str) -> None:
    """Each rule of the log, of leases and of what is due is needed, and its absence shows within 500 seeds."""
    assert any(World(seed, BROKEN[rule], MIXES.get(rule)).run(to_the_end=False) for seed in range(500))


@pytest.mark.parametrize("rule", BROKEN_CLIENTS)
def test_without_a_rule_of_the_sdk_the_simulation_finds_a_failure(rule: str) -> None:
    """The same for programs that consume by the SDK, and for how they end."""
    mix, sdk = CLIENT_MIXES[rule], BROKEN_CLIENTS[rule]
    assert any(World(seed, mix=mix, sdk=sdk).run(to_the_end=False) for seed in range(500))


@pytest.mark.parametrize("mix", dict.fromkeys(CLIENT_MIXES.values()), ids=lambda mix: f"{mix.ordered=} {mix.set_back=}")
def test_with_all_rules_of_the_sdk_programs_are_clean(mix: Mix) -> None:
    """What was found without a rule was not the mix's fault."""
    assert [World(seed, mix=mix).run() for seed in range(30)] == [{}] * 30


@pytest.mark.parametrize("rule", MIXES)
def test_with_all_rules_the_same_seeds_are_clean(rule: str) -> None:
    """What was found without a rule was not the mix's fault."""
    assert [World(seed, mix=MIXES[rule]).run() for seed in range(20)] == [{}] * 20


@pytest.mark.parametrize("bug", PLANTED)
def test_the_simulation_finds_a_planted_bug(bug: str) -> None:
    """It finds by itself what torture finds in real processes."""
    assert any(World(seed, PLANTED[bug]).run(to_the_end=False) for seed in range(500))
