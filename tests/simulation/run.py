"""Run many seeds, show what struck where, and name every seed that broke a law with the command that repeats it."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation import weather
from tests.simulation.seed import Result, simulate
from tests.simulation.site import Parts

CHUNK = 50


@dataclass
class Tally:
    """What came of many seeds."""

    seeds: int = 0
    kills: int = 0
    thin: list[int] = field(default_factory=list)
    cells: Counter[weather.Cell] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    failing: dict[int, list[str]] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Count one seed."""
        self.seeds += 1
        self.kills += result.kills
        self.cells += result.cells
        self.seen += result.seen
        self.seen[f"store {result.mode}"] += 1
        if not result.kills or weather.calls_hit(result.cells) < 3:
            self.thin.append(result.seed)
        if result.problems:
            self.failing[result.seed] = result.problems

    def join(self, other: Tally) -> None:
        """Add up two tallies."""
        self.seeds += other.seeds
        self.kills += other.kills
        self.thin += other.thin
        self.cells += other.cells
        self.seen += other.seen
        self.failing |= other.failing


def folder_for(seed: int, base: str) -> Path:
    """Return where a seed keeps its stores: in memory where the machine has such a place."""
    return Path(base) / f"seed-{seed}"


def fastest() -> str | None:
    """Return a folder in memory, None where there is none."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def tally(seeds: Iterable[int], parts: Parts | None = None) -> Tally:
    """Run seeds one after another in this process."""
    found = Tally()
    gc.disable()  # a seed makes little garbage that reference counts leave behind, and a collection costs as much as one
    with tempfile.TemporaryDirectory(prefix="simulation-", dir=fastest()) as base:
        for seed in seeds:
            try:
                found.add(simulate(seed, folder_for(seed, base), parts))
            except Exception as crash:  # noqa: BLE001 one broken seed is named, and the others go on
                found.failing[seed] = [f"the simulation broke down: {type(crash).__name__}: {crash}"]
    gc.enable()
    gc.collect()
    return found


def many(first: int, count: int, processes: int) -> Iterator[Tally]:
    """Run seeds on several processes; yields what came of each chunk."""
    chunks = [range(at, min(at + CHUNK, first + count)) for at in range(first, first + count, CHUNK)]
    if processes == 1:
        yield from map(tally, chunks)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(tally, chunks)


def table(found: Tally) -> str:
    """Write operations against faults, and below it what people did against stores."""
    names = list(dict.fromkeys(fault for _, fault in weather.CELLS))
    lines = [f"{'':16}" + "".join(f"{name:>13}" for name in weather.COLUMNS)]
    for name in names:
        cells = [(operation, name) for operation in weather.COLUMNS]
        told = [f"{found.cells[cell] if cell in weather.CELLS else '':>13}" for cell in cells]
        lines.append(f"{name:16}" + "".join(told))
    deeds = sorted(name for name in found.seen if name.startswith("people: ") and not name.endswith(")"))
    modes = ("folder", "bucket", "none", "split")
    lines.append(f"{'people, by store':24}" + "".join(f"{mode:>13}" for mode in modes))
    for deed in deeds:
        told = [f"{found.seen[f'{deed} ({mode})']:>13}" for mode in modes]
        lines.append(f"{deed.removeprefix('people: '):24}" + "".join(told))
    return "\n".join(lines)


def command(seed: int) -> str:
    """Say how to repeat a seed."""
    return f".venv/bin/python -m tests.simulation.run --seed {seed} --trace"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def one(seed: int, *, trace: bool) -> int:
    """Run one seed and tell everything."""
    with tempfile.TemporaryDirectory(prefix="simulation-", dir=fastest()) as base:
        result = simulate(seed, folder_for(seed, base))
        lines = [line.replace(base, "STORE") for line in result.trace] if trace else []
    for line in [*lines, *(f"BROKEN: {problem}" for problem in result.problems)]:
        _say(line)
    _say(f"seed {seed}: store {result.mode}, {result.kills} kill(s), {result.cells.total()} fault(s)")
    return 1 if result.problems else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="tests.simulation.run", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="run this seed alone")
    parser.add_argument("--trace", action="store_true", help="with --seed: every act, in order")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        return one(asked.seed, trace=asked.trace)
    started = time.monotonic()
    found = Tally()
    for part in many(asked.first, asked.seeds, asked.processes):
        found.join(part)
        for seed, problems in part.failing.items():
            _say(f"FAILED {problems}\n  {command(seed)}")
    seconds = time.monotonic() - started
    _say(table(found))
    _say(", ".join(f"{name} {count}" for name, count in sorted(found.seen.items()) if count))
    rarest = min(weather.CELLS, key=lambda cell: found.cells[cell])
    _say(f"rarest cell: {rarest} {found.cells[rarest]}; faults {found.cells.total()}, kills {found.kills}")
    rate = found.seeds / seconds
    _say(
        f"{found.seeds} seeds in {seconds:.0f} s, {rate:.0f} a second; {len(found.failing)} failed, {len(found.thin)} thin"
    )
    return 1 if found.failing or found.thin else 0


if __name__ == "__main__":
    sys.exit(main())
