"""Hashes and run keys, version 1. They stand on jobs for ever: nothing in this module may ever change its output.

The canonical form of a spec under `v1`:
  1. camelCase names, null fields dropped, scalars as proto3 JSON prints them (core.spec.normalize);
  2. proto3 defaults dropped ("", 0, false, the enum's zero, [], an empty map); durations and messages keep presence;
  3. cosmetic fields (displayName) and the manifest's ignoreChanges dropped;
  4. `valueFrom` stays as written, so a secret's value is never part of a hash.
The hash is SHA-256 over the JSON of {"kind": …, "spec": …} with sorted keys, no white space, UTF-8.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.spec import normalize, paths
from reconciler.vocabulary.kinds import Kind

VERSION = "v1"


def canonical_json(value: Any) -> bytes:
    """Write a JSON value the one way that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def canonical_spec(spec: Mapping[str, Any], kind: Kind, ignore: Sequence[str] = ()) -> dict[str, Any]:
    """Reduce a spec to what counts: canonical, no defaults, no cosmetic and no ignored fields."""
    value = normalize.canonical(spec, kind.spec_schema, kind.schema)
    for field in kind.cosmetic:
        value.pop(field, None)
    for pattern in ignore:
        value = paths.without(value, paths.parse(pattern.removeprefix("spec.")))
    stripped: dict[str, Any] = normalize.strip_defaults(value, kind.spec_schema, kind.schema)
    return stripped


def of(spec: Mapping[str, Any], kind: Kind, ignore: Sequence[str] = ()) -> str:
    """Return the label value `v1-<40 hex>` of a spec."""
    content = canonical_json({"kind": kind.name, "spec": canonical_spec(spec, kind, ignore)})
    return f"{VERSION}-{hashlib.sha256(content).hexdigest()[:40]}"


def is_ours(fingerprint: str) -> bool:
    """Say whether a label was written under the version this module computes."""
    return fingerprint.startswith(f"{VERSION}-")


def token_hash(token: str) -> str:
    """Return 32 hex of a rerun token, empty for no token."""
    return hashlib.sha256(token.encode()).hexdigest()[:32] if token else ""


def shard(name: str) -> str:
    """Return the first hex digit of the name's hash: a long list is read as 16 short ones."""
    return hashlib.sha256(name.encode()).hexdigest()[0]
