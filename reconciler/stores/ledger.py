"""Every run, how it ended and what its manifest said last of its removal, as immutable objects. Knows only Blobs."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from reconciler.stores import disk
from reconciler.stores.blobs import Blobs, Listed, is_sound
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Removal, safest
from reconciler.vocabulary.ports import Clock

_KEY = re.compile(
    r"(?P<kind>[A-Za-z0-9]+)/(?P<name>[A-Za-z0-9_-]+)/(?P<run_key>[A-Za-z0-9_-]+)"
    r"\.(?P<event>started|ended|removal-(?P<order>[1-9][0-9]{0,8})-(?P<policy>keep|ask|cancel|delete))"
)

_OURS = re.compile(r"(.*/)?[^/]*\.(started|ended|removal-[^/]*)", re.DOTALL)
"""Looks like an object of ours. Any other word behind the dot is one that this version does not know, or a file of others."""

ATTRIBUTES = ("n", "fingerprint", "token", "removal", "phase")
"""What the attributes of an object mean, in order."""


class BlobLedger:
    """vocabulary.ports.Ledger over Blobs.

    Keys are `Kind/name/<run key>.started` and `….ended`, and for each change of its removal policy `….removal-1-keep`,
    `….removal-2-cancel` and so on: the highest number is the last. Two writers who both take the next number for
    different policies write two objects, of which the safest counts. The attributes carry number, fingerprint, token
    and removal, and for an end the phase. So one listing answers `runs`; only the starts of runs not ended are read,
    for the resource. An end says everything a start says: a ledger may first hear of a run when it is over.
    """

    def __init__(self, blobs: Blobs, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock

    def runs(self) -> tuple[LedgerRun, ...]:
        """Return every run, ordered by kind, name, number.

        Words that are not known and files of others are passed over. Raises errors.StoreFailed naming an object that
        looks like ours and contradicts itself.
        """
        objects: dict[str, dict[str, Listed]] = defaultdict(dict)
        for item in filter(_is_ours, self._blobs.listing()):
            stem, _, event = item.key.rpartition(".")
            held = objects[stem]
            if event in held:
                raise disk.alien(f"{item.key} ({' '.join(item.attributes)}, and {' '.join(held[event].attributes)})")
            held[event] = item
        runs = map(self._together, objects.values())
        return tuple(sorted(runs, key=lambda run: (run.kind, run.name, run.number, run.run_key)))

    def started(self, run: LedgerRun) -> None:
        """Remember that a run exists; the first record stays. Raises errors.StoreFailed."""
        content = {"resource": run.resource, "at": self._clock.now()}
        self._blobs.put_if_absent(_key(run, "started"), _attributes(run), _encode(content))

    def ended(self, run: LedgerRun, phase: Phase) -> None:
        """Remember how a run ended; the first outcome written stays. Raises errors.StoreFailed."""
        content = {"resource": run.resource, "phase": phase.value, "at": self._clock.now()}
        self._blobs.put_if_absent(_key(run, "ended"), (*_attributes(run), phase.value), _encode(content))

    def removal_changed(self, run: LedgerRun, removal: Removal) -> None:
        """Remember what the manifest of a run says now, after all that `run` knows of. Raises errors.StoreFailed."""
        content = {"resource": run.resource, "at": self._clock.now()}
        key = _key(run, f"removal-{run.removals + 1}-{removal.value}")
        self._blobs.put_if_absent(key, _attributes(replace(run, removal=removal)), _encode(content))

    def _together(self, objects: Mapping[str, Listed]) -> LedgerRun:
        """Return what the objects of one run say, by event. A listing while somebody writes may lack the start."""
        changed = [_run(item) for event, item in objects.items() if event not in ("started", "ended")]
        start = objects.get("started", next(iter(objects.values())))
        run = _run(objects["ended"]) if "ended" in objects else self._with_resource(start)
        if not changed:
            return run
        last = max(each.removals for each in changed)
        return replace(run, removal=safest(each.removal for each in changed if each.removals == last), removals=last)

    def _with_resource(self, item: Listed) -> LedgerRun:
        run = _run(item)
        try:
            content = json.loads(self._blobs.read(item))
        except (ValueError, RecursionError) as broken:
            raise disk.alien(item.key) from broken
        resource = content.get("resource") if isinstance(content, dict) else None
        if not isinstance(resource, str):
            raise disk.alien(item.key)
        return replace(run, resource=resource)


def _key(run: LedgerRun, event: str) -> str:
    key = f"{run.kind}/{run.name}/{run.run_key}.{event}"
    if not _KEY.fullmatch(key):
        raise errors.StoreFailed(
            f"{run.resource or key} cannot be recorded: kind {run.kind!r}, name {run.name!r}, run {run.run_key!r}",
            "a label of ours on the job was changed to something we never write; set it right or cancel the job",
        )
    return key


def _attributes(run: LedgerRun) -> tuple[str, ...]:
    return (str(run.number), run.fingerprint, run.token, run.removal.value)


def _encode(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, sort_keys=True).encode()


def _is_ours(item: Listed) -> bool:
    return bool(_OURS.fullmatch(item.key))


def _run(item: Listed) -> LedgerRun:
    """Read a run off an object's key and attributes; attributes behind those that are known are passed over."""
    found = _KEY.fullmatch(item.key)
    wanted = 5 if found and found["event"] == "ended" else 4
    if not found or len(item.attributes) < wanted or not is_sound(item):
        raise disk.alien(" ".join((item.key, *item.attributes)))
    if found["policy"] not in (None, item.attributes[3]):
        raise disk.alien(" ".join((item.key, *item.attributes)))
    number, fingerprint, token, removal, *phase = item.attributes[:wanted]
    try:
        ended = Phase(phase[0]) if phase else None
        if number != found["run_key"].partition("-")[0] or (ended is not None and ended.active):
            raise disk.alien(" ".join((item.key, *item.attributes)))
        return LedgerRun(
            kind=found["kind"],
            name=found["name"],
            number=int(number),
            run_key=found["run_key"],
            fingerprint=fingerprint,
            token=token,
            removal=Removal(removal),
            phase=ended,
            removals=int(found["order"] or 0),
        )
    except ValueError as broken:
        raise disk.alien(" ".join((item.key, *item.attributes))) from broken
