"""What a create sends: the manifest's spec with name and labels. Secrets stay references until apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.vocabulary.kinds import IdForm, Kind
from reconciler.vocabulary.model import Desired, Scope


def collection(kind: Kind, scope: Scope) -> str:
    """Return the resource name of a collection: `projects/p/locations/l/customJobs`."""
    parent = f"projects/{scope.project}/locations/{scope.location}" if kind.located else f"projects/{scope.project}"
    return f"{parent}/{kind.collection}"


def client_id(name: str, uid: str, number: int) -> str:
    """Return the id we choose where the API lets us: letters, digits and `_` (facts: ml jobId)."""
    return f"{name.replace('-', '_')}_{uid}_{number}"


def create(desired: Desired, kind: Kind, uid: str, number: int, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of a create; key order follows the names."""
    body: dict[str, Any] = {**desired.spec, "labels": dict(labels)}
    if kind.id_form is IdForm.CLIENT:
        body[kind.id_field] = client_id(desired.name, uid, number)
    for field in kind.cosmetic:
        body.setdefault(field, desired.name)
    return dict(sorted(body.items()))
