"""Places to keep a store in: every `store()` is what another process would open on the same place."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from reconciler.stores.bucket import BucketStore, Drawn
from reconciler.stores.cloud_storage import Bucket
from reconciler.stores.folder import FolderStore
from reconciler.stores.lease import LEASE
from reconciler.vocabulary import ports
from reconciler.vocabulary.wire import Transport
from tests.support.cloud_storage import BUCKET, CloudStorage
from tests.support.loopback import FakeClock

BASE = "http://127.0.0.1:1"
RUN = "https://ci.example.com/runs/7"


class Shelf(Protocol):
    """One place."""

    clock: FakeClock

    def store(self) -> ports.Store: ...

    def kept(self) -> list[str]:
        """Return the names of everything that is there."""

    def stray(self, name: str, content: bytes) -> None:
        """Put something there that is not ours."""


@dataclass
class FolderShelf:
    root: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def store(self) -> FolderStore:
        return FolderStore(self.root, self.clock)

    def kept(self) -> list[str]:
        files = [path for path in self.root.rglob("*") if path.is_file() and not path.name.startswith(".")]
        return sorted(str(path.relative_to(self.root)) for path in files)

    def stray(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@dataclass
class BucketShelf:
    cloud: CloudStorage = field(default_factory=lambda: CloudStorage(page_size=3))
    clock: FakeClock = field(default_factory=FakeClock)
    names: itertools.count[int] = field(default_factory=itertools.count)
    length: float = LEASE
    prefix: str = "team/3fa94c1b/"
    formers: tuple[str, ...] = ()

    def store(self) -> BucketStore:
        return self.over(self.cloud)

    def over(self, transport: Transport, base: str = BASE) -> BucketStore:
        drawn = Drawn(lambda: f"r{next(self.names)}", RUN, self.length)
        bucket = Bucket(transport, self.clock, BUCKET, base)
        quick = Bucket(transport, self.clock, BUCKET, base, 1)
        return BucketStore(bucket, quick, self.prefix, self.clock, drawn, self.formers)

    def kept(self) -> list[str]:
        return [name.removeprefix(self.prefix) for name in self.cloud.names(self.prefix)]

    def stray(self, name: str, content: bytes) -> None:
        self.cloud.put(self.prefix + name, content)
