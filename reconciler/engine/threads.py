"""Threads that work side by side. Knows nothing of what they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Threads:
    """vocabulary.ports.Crew of this process's threads."""

    def each(self, work: Callable[[Item], Result], items: Sequence[Item], width: int) -> list[Result]:
        """Do the same for every item, at most `width` at once; results keep the items' order."""
        if len(items) < 2 or width < 2:
            return [work(item) for item in items]
        with ThreadPoolExecutor(min(width, len(items))) as pool:
            return list(pool.map(work, items))
