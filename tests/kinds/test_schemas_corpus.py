"""The schemas against recorded traffic, where the collection of it is at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from reconciler.core.spec import shape
from reconciler.files import schemas
from reconciler.vocabulary.kinds import Kind
from tests.support.checkout import CORPUS

KINDS = schemas.load_kinds()


def recorded() -> Iterator[tuple[str, Kind, dict[str, Any]]]:
    for path in sorted((CORPUS / "api_responses").glob("*.json")):
        body = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(body, dict):
            continue
        for kind in KINDS.values():
            rows = body.get(kind.list_field, [body])
            for number, row in enumerate(rows):
                if "jobId" in row if kind.id_field else f"/{kind.collection}/" in row.get("name", ""):
                    yield f"{path.stem}-{number}", kind, row


def writable(value: Any, node: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """Leave out what the schema says only the service writes."""
    node = shape.resolve(node, root)
    if isinstance(value, dict):
        return {
            key: writable(item, shape.child(node, key, root), root)
            for key, item in value.items()
            if key not in node.get("x-output-only", ())
        }
    if isinstance(value, list):
        return [writable(item, shape.child(node, 0, root), root) for item in value]
    return value


ROWS = list(recorded())

if ROWS:

    @pytest.mark.parametrize(("kind", "row"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
    def test_what_the_service_returned_fits_the_schema_less_what_only_it_writes(
        kind: Kind, row: dict[str, Any]
    ) -> None:
        left = {key: value for key, value in row.items() if key not in ("labels", "etag", kind.id_field)}
        spec = writable(left, kind.spec_schema, kind.schema)
        whole = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": "a"}, "spec": spec}
        assert [error.message for error in jsonschema.Draft7Validator(kind.schema).iter_errors(whole)] == []
        assert kind.states[row[kind.state_field]]

    def test_what_the_service_added_to_custom_jobs_are_known_server_defaults() -> None:
        lines = (CORPUS / "PAIRS.jsonl").read_text(encoding="utf-8").splitlines()
        pairs = [pair for pair in map(json.loads, lines) if pair["request"].startswith("custom_jobs/")]
        disk = KINDS["CustomJob"].schema["definitions"]["DiskSpec"]["properties"]
        known = {name: shape["x-server-default"] for name, shape in disk.items()}
        assert pairs
        for pair in pairs:
            assert pair["added"] == [[".jobSpec.workerPoolSpecs[].diskSpec", known]]
            assert pair["dropped"] == []
