"""The kinds and scopes ever applied, as one immutable object each. Knows no folder and no bucket, only Blobs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from reconciler.stores import disk
from reconciler.stores.blobs import Blobs, Listed
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Scope
from reconciler.vocabulary.ports import Clock, KindScope

_KEY = re.compile(r"(?P<kind>[A-Za-z0-9]+)/(?P<project>[a-z0-9][-a-z0-9.]*)/(?P<location>[a-z0-9][-a-z0-9]*|_)")
_NOWHERE = "_"
"""In place of a location, for APIs without locations."""

ATTRIBUTES = ("format",)
_FORMAT = ("1",)


class BlobKindScopes:
    """What a stack ever touched. Keys are `Kind/project/location`, so that one listing answers."""

    def __init__(self, blobs: Blobs, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock

    def all(self) -> tuple[KindScope, ...]:
        """Return every kind scope, ordered. Raises errors.StoreFailed naming an object that contradicts itself."""
        return tuple(sorted({_kind_scope(item) for item in self._ours()}))

    def remember(self, kind_scopes: Iterable[KindScope]) -> None:
        """Remember kind scopes for good; those that are known are left alone. Raises errors.StoreFailed."""
        known = set(self.all())
        for kind_scope in sorted(set(kind_scopes) - known):
            content = json.dumps({"at": self._clock.now()}).encode()
            self._blobs.put_if_absent(_key(kind_scope), _FORMAT, content)

    def forget(self, kind_scopes: Iterable[KindScope]) -> None:
        """Forget kind scopes; those that are not known cost nothing. Raises errors.StoreFailed."""
        given_up = set(kind_scopes)
        for item in [item for item in self._ours() if _kind_scope(item) in given_up]:
            self._blobs.remove(item)

    def _ours(self) -> list[Listed]:
        """List what is named as ours are; files of others are passed over."""
        return [item for item in self._blobs.listing() if item.attributes[:1] == _FORMAT or _KEY.fullmatch(item.key)]


def _key(kind_scope: KindScope) -> str:
    kind, scope = kind_scope
    # A domain-scoped project (`example.com:name`) has a single colon, and no two dots side by side.
    key = f"{kind}/{scope.project.replace(':', '..')}/{scope.location or _NOWHERE}"
    if not _KEY.fullmatch(key):
        raise errors.StoreFailed(f"{kind} in {scope} cannot be remembered", "correct the scope in spec.scopes")
    return key


def _kind_scope(item: Listed) -> KindScope:
    found = _KEY.fullmatch(item.key)
    if not found or item.attributes[:1] != _FORMAT:
        raise disk.alien(" ".join((item.key, *item.attributes)))
    location = "" if found["location"] == _NOWHERE else found["location"]
    return found["kind"], Scope(found["project"].replace("..", ":"), location)
