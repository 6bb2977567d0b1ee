"""The one way this folder measures: rounds in rotation, medians, Markdown tables. It knows no subject.

Machines are noisy: what is compared is measured in turns within one run, and ratios are told beside the numbers.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Sample:
    """The measurements of one subject."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def spread(self) -> str:
        """The lowest and the highest, three digits each."""
        return f"{min(self.values):.3g}–{max(self.values):.3g}"


def rotate(subjects: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Sample]:
    """Measure every subject once a round, in turns, so that a slow minute of the machine strikes all of them."""
    found: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, measure in subjects.items():
            found[name].append(measure())
    return {name: Sample(tuple(values)) for name, values in found.items()}


def seconds(work: Callable[[], object]) -> float:
    """Return how long a piece of work takes, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run(arguments: Sequence[str], folder: Path, codes: Iterable[int] = (0,)) -> float:
    """Run a process to its end and return its wall time in seconds. Raises RuntimeError for another exit code."""
    start = time.perf_counter()
    done = subprocess.run(
        arguments, cwd=folder, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    taken = time.perf_counter() - start
    if done.returncode not in tuple(codes):
        told = done.stdout.decode(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{told}")
    return taken


def cpu(process: int) -> float:
    """Return the processor seconds a process has used, 0 where the system does not tell: other work cannot blur them."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table under a heading; all columns but the first are numbers."""
    lines = [f"## {title}", "", f"| {' | '.join(header)} |", f"|---|{'--:|' * (len(header) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def machine() -> str:
    """Say what was measured on."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else "?"
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores} cores."
