"""The command line of publishers and consumers."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["options_of"]


def options_of(program: str) -> argparse.Namespace:
    """What a client process is told by the one that starts it."""
    parser = argparse.ArgumentParser(prog=f"torture.{program}")
    parser.add_argument("--url", required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--incarnation", type=int, required=True)
    parser.add_argument("--mode", default="", help="how a consumer consumes")
    parser.add_argument("--calm", type=Path, help="a file that is there once a consumer is to do nothing but consume")
    return parser.parse_args()
