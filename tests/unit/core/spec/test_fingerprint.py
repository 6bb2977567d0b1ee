"""Fingerprints, run keys, token hashes and shards against published vectors: they stand on jobs for ever."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import pytest

from reconciler.core.runs import run_key
from reconciler.core.spec import fingerprint
from reconciler.files import schemas
from reconciler.vocabulary.model import Scope

VECTORS = pathlib.Path(__file__).parent / "vectors" / "fingerprint_v1.json"
KINDS = schemas.load_kinds()
PUBLISHED = json.loads(VECTORS.read_text(encoding="utf-8"))
CASES = PUBLISHED["cases"]


def titles(rows: list[dict[str, Any]]) -> list[str]:
    return [row["title"] for row in rows]


def last_step(content: Any) -> str:
    """Hash a canonical form as any other language would: JSON without white space, sorted keys, UTF-8, SHA-256."""
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "v1-" + hashlib.sha256(written.encode("utf-8")).hexdigest()[:40]


@pytest.mark.parametrize("case", CASES, ids=titles(CASES))
def test_a_published_fingerprint_never_changes(case: dict[str, Any]) -> None:
    assert fingerprint.of(case["spec"], KINDS[case["kind"]], case.get("ignore", ())) == case["fingerprint"]


@pytest.mark.parametrize("case", CASES, ids=titles(CASES))
def test_the_published_canonical_form_hashes_to_the_fingerprint_in_any_language(case: dict[str, Any]) -> None:
    assert last_step({"kind": case["kind"], "spec": case["canonical"]}) == case["fingerprint"]


def test_there_are_many_vectors_and_each_has_its_own_title() -> None:
    assert len(CASES) >= 40
    assert len(set(titles(CASES))) == len(CASES)
    assert {case["kind"] for case in CASES} == set(KINDS)


@pytest.mark.parametrize("group", PUBLISHED["equal"], ids=lambda group: group[0])
def test_what_means_the_same_has_one_fingerprint(group: list[str]) -> None:
    by_title = {case["title"]: case["fingerprint"] for case in CASES}
    assert len({by_title[title] for title in group}) == 1


@pytest.mark.parametrize("group", PUBLISHED["different"], ids=lambda group: group[0])
def test_what_means_something_else_has_another_fingerprint(group: list[str]) -> None:
    by_title = {case["title"]: case["fingerprint"] for case in CASES}
    assert len({by_title[title] for title in group}) == len(group)


@pytest.mark.parametrize("row", PUBLISHED["run_keys"], ids=titles(PUBLISHED["run_keys"]))
def test_a_published_run_key_never_changes(row: dict[str, Any]) -> None:
    scope = Scope(row["project"], row["location"])
    told = (row["owner"], row["kind"], scope, row["name"], row["fingerprint"], row["token"], row["number"])
    assert run_key.make(*told) == row["run_key"]


def test_every_part_of_a_run_key_counts() -> None:
    keys = [row["run_key"] for row in PUBLISHED["run_keys"]]
    assert len({key.split("-")[1] for key in keys}) == len(keys)


@pytest.mark.parametrize("row", PUBLISHED["tokens"], ids=lambda row: repr(row["token"]))
def test_a_published_token_hash_never_changes(row: dict[str, str]) -> None:
    assert fingerprint.token_hash(row["token"]) == row["hash"]


@pytest.mark.parametrize("row", PUBLISHED["shards"], ids=lambda row: row["name"])
def test_a_published_shard_never_changes(row: dict[str, str]) -> None:
    assert fingerprint.shard(row["name"]) == row["shard"]


def test_every_shard_is_met_by_some_name() -> None:
    assert len({fingerprint.shard(f"train-{number}") for number in range(200)}) == 16


@pytest.mark.parametrize(
    ("label", "ours"), [("v1-" + "0" * 40, True), ("v2-" + "0" * 40, False), ("", False), ("v10-ab", False)]
)
def test_only_labels_of_this_version_are_ours(label: str, ours: bool) -> None:
    assert fingerprint.is_ours(label) is ours


def test_computing_a_fingerprint_leaves_the_spec_alone() -> None:
    for case in CASES:
        before = json.dumps(case["spec"])
        fingerprint.of(case["spec"], KINDS[case["kind"]], case.get("ignore", ()))
        assert json.dumps(case["spec"]) == before


def test_a_number_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        fingerprint.canonical_json({"a": float("nan")})
