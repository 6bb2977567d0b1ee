"""The one place that builds objects: stack, manifests, transports, stores. What the environment says, it is handed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import lives
from reconciler.cli.surroundings import Surroundings
from reconciler.core.validate import store_url
from reconciler.files import checkout, history, manifests, positions, schemas, stack
from reconciler.files.reading import Reading
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Desired, Place, Problem, Severity, Stack
from reconciler.vocabulary.plans import Lineage

if TYPE_CHECKING:
    from reconciler.cli.environment import Environment
    from reconciler.core.documents.snapshot_json import Snapshot
    from reconciler.core.plan.build import Revision
    from reconciler.core.validate.manifests import Validator
    from reconciler.engine.world import World
    from reconciler.transport.google import Credentials
    from reconciler.transport.rate import Budget
    from reconciler.vocabulary.kinds import Kinds
    from reconciler.vocabulary.ports import Store
    from reconciler.vocabulary.wire import Transport

STREAM = "-"

_PASTED = 20
"""Addresses of a file that a hint names: a command line of more is no longer read."""

STORAGE = "storage.{universe}"
"""The API of a store in a bucket."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A stack as found on disk with everything that checks manifests, and what surrounds the command that opened it."""

    surroundings: Surroundings
    root: Path
    stack: Stack
    kinds: Kinds
    validator: Validator


@dataclass(frozen=True, slots=True)
class Manifests:
    """What reading and checking gave: `desired` is complete only where no problem is an error."""

    desired: tuple[Desired, ...]
    problems: tuple[Problem, ...]
    documents: tuple[tuple[Place, int, str], ...]
    """Where each document starts: its file and line, its index in the file, and its address where it has one."""
    blobs: Mapping[str, str] = field(default_factory=dict)
    """The names that Git gives to the bytes that were read, by file; empty for a stream."""

    @property
    def ok(self) -> bool:
        """True where nothing but warnings was found."""
        return all(problem.severity is Severity.WARNING for problem in self.problems)


def open_workspace(path: str, surroundings: Surroundings) -> Workspace:
    """Find and read the stack at or above a directory; `-` stands for the one here. Raises errors.InputError."""
    from reconciler.core.validate import stack_file
    from reconciler.core.validate.manifests import Validator

    start = Path() if path == STREAM else Path(path)
    if start.is_file():
        raise errors.InputError(f"{path} is a file; a stack is a directory", _instead_of(start))
    if not start.is_dir():
        raise errors.InputError(f"{path} does not exist", "name a directory with a reconciler.yaml in or above it")
    root = stack.find_root(start)
    kinds = schemas.load_kinds()
    document = stack.read(root)
    built, problems = stack_file.stack(
        document, root=str(root), schema=schemas.load_schema("reconciler/v1/Stack.json"), kinds=kinds,
        suggested_uid=surroundings.chance.randbytes(4).hex(),
    )  # fmt: skip
    if built is None:
        located = positions.Locator(root).place_all(problems)
        raise errors.InputError(f"{root / 'reconciler.yaml'} is not a valid stack", problems=located)
    environment = surroundings.environment
    overridden = replace(
        built,
        backend=environment.variable("RECONCILER_BACKEND").rstrip("/") or built.backend,
        store=environment.variable("RECONCILER_STORE") or built.store,
    )
    return Workspace(surroundings, root, overridden, kinds, Validator(kinds))


def _instead_of(file: Path) -> str:
    """Say how the jobs of one file are chosen, ready to paste."""
    from reconciler.files import addresses

    found = addresses.in_file(file)
    chosen = [f"--select {address}" for address in found[:_PASTED]] or ["--select 'Kind/name'"]
    more = f" (and {len(found) - _PASTED} more)" if len(found) > _PASTED else ""
    return f"name the stack's directory, and choose jobs of it: {' '.join(chosen)}{more}"


def read_manifests(workspace: Workspace, path: str) -> Manifests:
    """Read and check the whole desired set: the stack's files, or a stream for `-`."""
    texts = {}
    if path == STREAM:
        text = _stream(workspace.surroundings)
        reading = manifests.read_stream(text)
        texts["<stdin>"] = text
        if not reading.documents and not reading.problems:
            raise errors.InputError(
                "the stream holds no manifest",
                "an empty stream usually means that its producer failed: set -o pipefail",
            )
    else:
        reading = manifests.read(workspace.root, workspace.stack.manifests, workspace.stack.ignore)
    return check(workspace, reading, texts)


def _stream(surroundings: Surroundings) -> str:
    """Read stdin up to what a stream may hold, and one byte more so that a longer one is refused."""
    try:
        return surroundings.stdin.buffer.read(manifests.MAX_STREAM + 1).decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise errors.InputError(
            f"the stream is not UTF-8: byte 0x{cause.object[cause.start]:02x} at offset {cause.start}",
            "pipe manifests as UTF-8 text",
        ) from cause


def check(workspace: Workspace, reading: Reading, texts: Mapping[str, str] | None = None) -> Manifests:
    """Validate documents and give every problem its place."""
    result = workspace.validator.check(reading.documents, workspace.stack)
    locator = positions.Locator(workspace.root, texts)
    problems = locator.place_all([*shared_uids(workspace), *reading.problems, *result.problems])
    addresses = {(want.source.file, want.source.line): want.address for want in result.desired if want.source}
    documents = tuple(
        (Place(each.file, each.line), each.index, addresses.get((each.file, each.line), ""))
        for each in reading.documents
    )
    return Manifests(result.desired, problems, documents, reading.blobs)


def shared_uids(workspace: Workspace) -> tuple[Problem, ...]:
    """Return a problem for every other stack file of the repository that owns this stack's runs too."""
    from reconciler.files import claims

    return claims.problems(workspace.root, workspace.stack.uid, workspace.stack.former_uids)


def require_own_uid(workspace: Workspace) -> None:
    """Raise errors.InputError where another stack file of the repository owns this stack's runs too."""
    problems = positions.Locator(workspace.root).place_all(shared_uids(workspace))
    if problems:
        raise errors.InputError("two stacks of one repository own the same runs; nothing was called", problems=problems)


def require(read: Manifests) -> tuple[Desired, ...]:
    """Return the desired set. Raises errors.InputError with every problem where there is an error."""
    if not read.ok:
        count = sum(problem.severity is Severity.ERROR for problem in read.problems)
        raise errors.InputError(f"{count} error(s) in the manifests; nothing was called", problems=read.problems)
    return read.desired


def revision(workspace: Workspace, path: str, read: Manifests) -> Revision:
    """Ask Git which commit the manifests come from, and whether what was read is that commit's own."""
    from reconciler.core.plan.build import Revision
    from reconciler.core.validate import stack_file

    root, here = workspace.root, workspace.stack
    if path == STREAM:
        found = checkout.head(root)
        unknown = found.unknown or "the manifests came by a stream" * bool(found.commit)
        return Revision(found.commit, unknown=unknown)
    idle = frozenset(read.blobs) - {place.file for place, _, _ in read.documents}
    seen = checkout.Seen(read.blobs, stack.blob(root), idle)
    found = checkout.compare(root, seen, (here.manifests, here.ignore), stack_file.globs)
    return Revision(found.commit, found.dirty, found.differs, found.unknown, found.lacking)


def lineage(workspace: Workspace, commits: Sequence[str], applied: str) -> Lineage:
    """Say how commits stand to the one that was applied last: the worst of them counts."""
    found = {history.lineage(workspace.root, commit, applied) for commit in commits}
    return next(each for each in _WORST if each in found)


_WORST = (Lineage.OLDER, Lineage.UNKNOWN, Lineage.DIVERGED, Lineage.NEWER, Lineage.SAME, Lineage.FIRST)


@contextmanager
def open_world(
    workspace: Workspace, *, impersonate: str = "", reading: bool = False, asked: Budget | None = None
) -> Iterator[World]:
    """Connect to the stack's backend and store; everything is closed on leaving. `reading` creates no file.

    `asked` is the budget of --rate: requests and submissions a minute.
    """
    from reconciler.api.endpoints import Endpoints
    from reconciler.api.jobs import HttpJobs
    from reconciler.engine.world import World, at_once
    from reconciler.transport import rate
    from reconciler.transport.retry import retrying

    around = workspace.surroundings
    clock = around.clock
    with ExitStack() as closing:
        google = _Google(closing, around.environment, impersonate)
        store = _store(workspace, closing, google)
        limit = budget(workspace, asked)
        pace = rate.Pace(clock, limit) if limit else None
        transport = _transport(workspace, closing, google, store, reading=reading)
        transport = rate.paced(transport, pace) if pace else transport
        steady = retrying(transport, clock, around.chance.random)
        api = HttpJobs(steady, Endpoints(workspace.stack.backend, _universe(around.environment)), clock)
        yield World(api, workspace.kinds, store, clock, turn=pace.wait if pace else at_once)


@contextmanager
def open_snapshot(workspace: Workspace, seen: Snapshot) -> Iterator[World]:
    """Look at a snapshot in place of the backend and the store: no connection, no credentials, no file."""
    from reconciler.api.snapshot import SnapshotJobs
    from reconciler.engine.world import World
    from reconciler.stores.snapshot import SnapshotStore

    clock = workspace.surroundings.clock
    yield World(SnapshotJobs(seen), workspace.kinds, SnapshotStore(seen, clock), clock)


def budget(workspace: Workspace, asked: Budget | None) -> Budget | None:
    """Return the budget in force: the one asked for, else Google's published one; none for a backend on this machine."""
    from reconciler.transport.rate import Budget

    if asked is not None:
        return asked
    return Budget() if workspace.stack.backend == "google" else None


@contextmanager
def open_store(workspace: Workspace, *, impersonate: str = "") -> Iterator[Store]:
    """Connect to the stack's store alone."""
    with ExitStack() as closing:
        yield _store(workspace, closing, _Google(closing, workspace.surroundings.environment, impersonate))


@contextmanager
def open_emulator(workspace: Workspace) -> Iterator[Transport]:
    """Connect to an emulator on this machine, for its paths that no Google API has."""
    from reconciler.transport import google
    from reconciler.transport.http import HttpTransport

    with HttpTransport() as http:
        yield google.loopback(http, _token(workspace))


def _token(workspace: Workspace) -> str:
    return workspace.surroundings.environment.variable("RECONCILER_TOKEN")


def _universe(environment: Environment) -> str:
    from reconciler.transport import hosts

    return environment.variable("GOOGLE_CLOUD_UNIVERSE_DOMAIN") or hosts.GOOGLE


class _Google:
    """The way to Google's hosts, opened when it is first asked for; every use names the hosts it may reach."""

    def __init__(self, closing: ExitStack, environment: Environment, impersonate: str) -> None:
        self._closing = closing
        self._environment = environment
        self._impersonate = impersonate

    def toward(self, allowed: frozenset[str]) -> Transport:
        """Return a transport that carries credentials, to these hosts only."""
        from reconciler.transport import google

        http, credentials = self._opened
        return google.authorized(http, credentials, allowed)

    @cached_property
    def _opened(self) -> tuple[Transport, Credentials]:
        from reconciler.transport import google
        from reconciler.transport.http import HttpTransport, open_session

        http = self._closing.enter_context(HttpTransport(proxies=self._environment.proxies))
        session = self._closing.enter_context(open_session(2))
        session.proxies.update(self._environment.proxies)
        return http, google.DefaultCredentials(session, self._impersonate, _universe(self._environment))


def _transport(workspace: Workspace, closing: ExitStack, google_: _Google, store: Store, *, reading: bool) -> Transport:
    """Reach the backend. On Google, hosts of scopes the stack left are reached too: their runs are looked for."""
    stack = workspace.stack
    if stack.backend == "embedded":
        return _embedded(workspace, closing, reading=reading)
    from reconciler.transport import google, hosts
    from reconciler.transport.http import HttpTransport

    if stack.backend != "google":
        return google.loopback(closing.enter_context(HttpTransport()), _token(workspace))
    store.require_format()
    scopes = [*stack.scopes, *(scope for _, scope in store.kind_scopes())]
    locations = {scope.location for scope in scopes if scope.location}
    apis = {kind.api for kind in workspace.kinds.values()}
    return google_.toward(hosts.allowed_hosts(apis, locations, _universe(workspace.surroundings.environment)))


def _embedded(workspace: Workspace, closing: ExitStack, *, reading: bool) -> Transport:
    """Run the emulator in this process. Reading from one that holds nothing yet leaves no file behind."""
    from reconciler.emulator import app

    file = workspace.root / ".reconciler" / "emulator.db"
    if not reading:
        try:
            file.parent.mkdir(mode=0o700, exist_ok=True)
        except OSError as cause:
            raise errors.StoreFailed(
                f"{file.parent} cannot be made for the embedded emulator: {cause.strerror}",
                "make the stack's folder writable, or name a backend that runs elsewhere in RECONCILER_BACKEND",
            ) from cause
    database = str(file) if file.exists() or not reading else ":memory:"
    around = workspace.surroundings
    life = lives.read(around.environment.variable("RECONCILER_LIFE"), "RECONCILER_LIFE in the environment")
    emulator = app.Emulator(workspace.kinds, database, around.clock, app.random_ids(around.chance), life)
    closing.callback(emulator.close)
    return emulator


def _store(workspace: Workspace, closing: ExitStack, google: _Google) -> Store:
    from reconciler.stores.folder import FolderStore
    from reconciler.stores.no_store import NoStore

    place, around = workspace.stack.store, workspace.surroundings
    if place == "none":
        return NoStore(around.clock)
    if "://" in place:
        return _bucket(workspace, closing, google)
    if workspace.stack.backend == "google" and around.environment.variable("CI"):
        raise errors.InputError(
            f"store {place}: a folder store starts empty on every CI runner, so it remembers nothing",
            "write gs://BUCKET/PREFIX in reconciler.yaml, or `store: none` if that is meant",
        )
    return FolderStore(workspace.root / place, around.clock)


def _bucket(workspace: Workspace, closing: ExitStack, google: _Google) -> Store:
    """Open a store in a bucket, below the stack's uid: stacks of one repository often share one prefix.

    What it holds below former uids is read too: a stack that takes runs over must know how they ended.
    """
    from reconciler.stores.bucket import BucketStore, Drawn
    from reconciler.stores.cloud_storage import Bucket
    from reconciler.transport import hosts
    from reconciler.transport.retry import retrying

    found = store_url.parse(workspace.stack.store)
    if found is None:
        raise errors.InputError(
            f"store {workspace.stack.store} names no bucket with a plain prefix", "write it as gs://BUCKET/PREFIX"
        )
    around = workspace.surroundings
    clock, environment = around.clock, around.environment
    endpoint = environment.variable("RECONCILER_STORE_ENDPOINT")
    host = hosts.host_in(_universe(environment), STORAGE)
    transport = _local_storage(endpoint, closing) if endpoint else google.toward(frozenset({host}))
    base = endpoint or f"https://{host}"
    steady = Bucket(retrying(transport, clock, around.chance.random), clock, found.bucket, base)
    drawn = Drawn(lambda: around.chance.randbytes(8).hex(), environment.ci_run)
    quick = Bucket(transport, clock, found.bucket, base, attempts=1)
    root, *formers = (f"{found.prefix}{uid}/" for uid in (workspace.stack.uid, *workspace.stack.former_uids))
    return BucketStore(steady, quick, root, clock, drawn, formers)


def _local_storage(endpoint: str, closing: ExitStack) -> Transport:
    """Reach an emulator of Cloud Storage on this machine, which gets no credentials."""
    from reconciler.transport import google, hosts
    from reconciler.transport.http import HttpTransport

    parts = hosts.split(endpoint)
    if parts.scheme not in ("http", "https") or not hosts.is_loopback(parts.hostname or ""):
        raise errors.InputError(
            f"RECONCILER_STORE_ENDPOINT {endpoint} is not on this machine",
            "it is for emulators, such as http://127.0.0.1:PORT; leave it out for Cloud Storage itself",
        )
    return google.loopback(closing.enter_context(HttpTransport()))
