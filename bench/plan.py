"""The command line over stacks of many manifests: what a whole process takes, from its start to its exit.

`python -m bench.plan`, or with --short for a look at whether it runs. The backend is the embedded emulator."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench import harness, manifests

TOOL = (sys.executable, "-m", "reconciler")


def starting(folder: Path, runs: int) -> str:
    """Measure processes that do nothing: the interpreter alone, and the tool telling its version."""
    subjects = {"python -c pass": (sys.executable, "-c", "pass"), "reconciler version": (*TOOL, "version")}
    measured = {name: partial(harness.run, given, folder) for name, given in subjects.items()}
    found = harness.rotate(measured, runs)
    floor = found["python -c pass"].median
    rows = [(name, f"{one.median * 1000:.0f}", f"{one.median / floor:.1f}") for name, one in found.items()]
    return harness.table("Starting", ("process", "ms", "times"), rows)


def commands(folder: Path, counts: Sequence[int], runs: int) -> str:
    """Measure validate, plan, apply and an empty plan; a fresh stack every round."""
    names = ("validate", "plan (all to create)", "apply (creates all)", "plan (nothing to do)")
    found: dict[tuple[str, int], list[float]] = {(name, count): [] for name in names for count in counts}
    for turn in range(runs):
        for count in counts:
            stack = folder / f"{count}-{turn}"
            manifests.write(stack, count)
            calls = (("validate",), ("plan",), ("apply", "--yes"), ("plan", "--detailed-exitcode"))
            codes = ((0,), (0,), (0,), (0,))  # with --detailed-exitcode anything to do is a 2
            for name, call, allowed in zip(names, calls, codes, strict=True):
                found[name, count].append(harness.run((*TOOL, *call), stack, allowed))
    samples = {key: harness.Sample(tuple(values)) for key, values in found.items()}
    rows = [
        (name, *(f"{samples[name, count].median:.3f} ({samples[name, count].spread})" for count in counts))
        for name in names
    ]
    return harness.table(
        "Seconds of the whole process", ("command", *(f"{count:,} manifests" for count in counts)), rows
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.plan", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a look at whether it runs; the numbers mean nothing")
    parser.add_argument("--manifests", type=int, nargs="+", default=[100, 1000], metavar="N")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args(arguments)
    counts, runs = ([2], 1) if given.short else (given.manifests, given.runs)
    print(f"# Commands\n\n{harness.machine()} Medians of {runs} runs, lowest and highest in brackets.\n")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        harness.run((*TOOL, "version"), folder)  # compiles what is not compiled yet
        print(starting(folder, 1 if given.short else 4 * runs))
        print(commands(folder, counts, runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
