import json
from typing import Any

import pytest

from reconciler.core.spec import fingerprint
from reconciler.core.validate import manifests as validation
from reconciler.core.validate.manifests import Validator
from reconciler.files import manifests
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import (
    Desired,
    DesiredState,
    Document,
    OnChange,
    Removal,
    Rerun,
    Scope,
    Source,
    Stack,
    show_path,
)
from tests.unit.core.validate.samples import CUSTOM, KINDS, ML, NAS, change, check, stack, told


def named(name: str, rest: str = "") -> str:
    return change(CUSTOM, "{name: train}", f"{{name: {name}{rest}}}")


def desired_of(text: str, given: Stack | None = None) -> Desired:
    validation = check(text, given)
    assert told(validation) == []
    (desired,) = validation.desired
    return desired


def test_what_is_wanted_is_ordered_by_kind_and_name() -> None:
    validation = check("---\n".join([named("b"), ML, NAS, named("a")]))
    assert [each.address for each in validation.desired] == [
        "CustomJob/a",
        "CustomJob/b",
        "Job/legacy",
        "NasJob/search",
    ]


def test_a_manifest_says_only_what_was_written() -> None:
    desired = desired_of(named("a"))
    assert desired.scope == Scope("demo-project", "us-central1")
    assert desired.source == Source("a.yaml", 1)
    assert (desired.labels, desired.formerly, desired.iam) == ({}, "", None)
    assert set(desired.spec) == {"jobSpec"}


def test_snake_case_nulls_and_numbers_come_out_in_one_spelling() -> None:
    other = CUSTOM.replace("workerPoolSpecs", "worker_pool_specs").replace("replicaCount: 1", 'replica_count: "01"')
    other = change(other, "  jobSpec:\n", "  displayName:\n  job_spec:\n    network: ~\n")
    assert desired_of(other).spec == desired_of(CUSTOM).spec


def test_the_fingerprint_is_that_of_what_was_written_without_what_is_ignored() -> None:
    desired = desired_of(change(CUSTOM, "spec:\n", "lifecycle: {ignoreChanges: [spec.jobSpec]}\nspec:\n"))
    assert desired.fingerprint == fingerprint.of({}, KINDS["CustomJob"])
    plain = desired_of(CUSTOM)
    assert plain.fingerprint == fingerprint.of(plain.spec, KINDS["CustomJob"]) != desired.fingerprint


def test_an_enum_written_as_its_number_is_refused_with_its_name() -> None:
    (problem,) = check(change(CUSTOM, "NVIDIA_TESLA_T4", "5")).problems
    assert problem.hint == "Write NVIDIA_TESLA_T4."


def test_an_ml_job_has_no_location() -> None:
    assert desired_of(ML).scope == Scope("demo-project")


def test_labels_are_merged_and_the_manifest_wins() -> None:
    given = stack(default_labels={"team": "a", "env": "prod"})
    assert desired_of(named("a", ", labels: {team: b}"), given).labels == {"env": "prod", "team": "b"}


def test_too_many_labels_with_those_of_the_stack_are_an_error() -> None:
    labels = ", labels: {" + ", ".join(f"a{n}: b" for n in range(30)) + "}"
    given = stack(default_labels={f"d{n}": "x" for n in range(30)})
    assert [rule for rule, *_ in told(check(named("a", labels), given))] == ["too-many-labels"]


def test_life_cycles_are_merged_key_by_key_and_rerun_is_one_key() -> None:
    given = stack(default_lifecycle={"onChange": "keep", "onRemoval": "delete", "rerun": {"on": ["failed"], "max": 9}})
    lifecycle = desired_of(
        change(CUSTOM, "spec:\n", "lifecycle: {onChange: replace, rerun: {token: x}}\nspec:\n"), given
    )
    assert lifecycle.lifecycle.on_change is OnChange.REPLACE
    assert lifecycle.lifecycle.on_removal is Removal.DELETE
    assert lifecycle.lifecycle.rerun == Rerun(token="x")


def test_every_key_of_a_life_cycle_is_read() -> None:
    text = "lifecycle: {desired: Cancelled, history: 3, protect: true, rerun: {on: [expired, failed], max: 5}}\nspec:\n"
    lifecycle = desired_of(change(CUSTOM, "spec:\n", text)).lifecycle
    assert lifecycle.desired is DesiredState.CANCELLED
    assert (lifecycle.history, lifecycle.protect) == (3, True)
    assert lifecycle.rerun == Rerun(on=(Phase.EXPIRED, Phase.FAILED), maximum=5)


def test_ignored_paths_are_spelt_as_the_schema_spells_them() -> None:
    paths = "spec.job_spec.scheduling, 'spec.jobSpec.workerPoolSpecs[*].machine_spec', spec.displayName"
    text = change(CUSTOM, "spec:\n", f"lifecycle: {{ignoreChanges: [{paths}]}}\nspec:\n")
    assert desired_of(text).lifecycle.ignore_changes == (
        "spec.displayName",
        "spec.jobSpec.scheduling",
        "spec.jobSpec.workerPoolSpecs[].machineSpec",
    )


def test_an_ignored_path_of_the_stack_counts_for_the_kinds_that_have_it() -> None:
    given = stack(default_lifecycle={"ignoreChanges": ["spec.jobSpec.scheduling"]})
    ignored = [each.lifecycle.ignore_changes for each in check(CUSTOM + "---\n" + ML, given).desired]
    assert ignored == [("spec.jobSpec.scheduling",), ()]


def test_an_absent_job_needs_no_spec() -> None:
    text = CUSTOM[: CUSTOM.index("spec:")]
    assert [rule for rule, *_ in told(check(text))] == ["missing-field"]
    assert desired_of(text + "lifecycle: {desired: Absent}\n").spec == {}


def test_the_bindings_of_a_policy_are_kept() -> None:
    binding = "{role: roles/viewer, members: ['user:a@example.com']}"
    desired = desired_of(ML + f"iamPolicy: {{bindings: [{binding}]}}\n")
    assert desired.iam == ({"role": "roles/viewer", "members": ["user:a@example.com"]},)


@pytest.mark.parametrize(
    ("given", "text", "rule", "path", "fragment"),
    [
        ({"default_project": ""}, CUSTOM, "missing-field", "metadata.project", "spec.defaults.project"),
        ({"default_location": ""}, CUSTOM, "missing-field", "metadata.location", "spec.defaults.location"),
        ({"kinds": ("NasJob",)}, CUSTOM, "kind-outside", "kind", "spec.kinds"),
        ({"scopes": (Scope("demo-project"),)}, CUSTOM, "scope-outside", "metadata", "spec.scopes"),
        ({"scopes": (Scope("other"),)}, ML, "scope-outside", "metadata", "spec.scopes"),
    ],
)
def test_a_manifest_has_to_fit_its_stack(given: dict[str, Any], text: str, rule: str, path: str, fragment: str) -> None:
    ((found, where, words),) = told(check(text, stack(**given)))
    assert (found, where) == (rule, path)
    assert fragment in words


def test_a_scope_without_locations_is_enough_for_an_ml_job() -> None:
    assert desired_of(ML, stack(scopes=(Scope("demo-project"),))).scope == Scope("demo-project")


def test_an_address_declared_twice_is_told_at_both_places() -> None:
    problems = check(CUSTOM + "---\n" + CUSTOM).problems
    assert [(each.rule, each.document, show_path(each.path)) for each in problems] == [
        ("duplicate-address", 0, "metadata.name"),
        ("duplicate-address", 1, "metadata.name"),
    ]
    assert "a.yaml:11" in problems[0].message
    assert "a.yaml:1" in problems[1].message
    assert problems[0].address == "CustomJob/train"


def test_one_name_may_serve_two_kinds() -> None:
    assert check(named("x") + "---\n" + change(NAS, "search}", "x}")).ok


@pytest.mark.parametrize(
    ("second", "documents"),
    [(named("b"), [0]), (named("c", ", formerly: b"), [0, 1])],
    ids=["the name of another", "claimed by another"],
)
def test_an_old_name_belongs_to_one_manifest(second: str, documents: list[int]) -> None:
    problems = check(named("a", ", formerly: b") + "---\n" + second).problems
    assert [(each.rule, each.document) for each in problems] == [("bad-formerly", number) for number in documents]


def test_an_old_name_may_be_a_name_of_another_kind() -> None:
    assert check(named("a", ", formerly: search") + "---\n" + NAS).ok


def test_thousands_of_one_name_do_not_name_each_other_thousands_of_times() -> None:
    value = {"apiVersion": "aiplatform.googleapis.com/v1", "kind": "CustomJob", "metadata": {"name": "a"}}
    documents = [Document("a.yaml", number, number + 1, value) for number in range(3000)]
    problems = [
        each for each in validation.check(documents, stack(), KINDS).problems if each.rule == "duplicate-address"
    ]
    assert len(problems) == 3000
    assert max(len(each.message) for each in problems) < 200


def test_problems_point_into_the_items_of_a_list() -> None:
    item = json.dumps({"apiVersion": "aiplatform.googleapis.com/v1", "kind": "CustomJob", "metadata": {}, "spec": {}})
    paths = [show_path(each.path) for each in check(f"kind: List\nitems: [{item}]").problems]
    assert paths == ["items[0].metadata.name", "items[0].spec.jobSpec"]


def test_problems_come_in_the_order_of_documents_and_fields() -> None:
    broken = change(change(CUSTOM, "[--x]", "[1, 2]"), "{name: train}", "{name: A}")
    problems = check(broken + "---\n" + broken.replace("name: A", "name: B")).problems
    order = [(each.document, show_path(each.path).rsplit(".", 1)[-1]) for each in problems]
    assert order == [(n, field) for n in (0, 1) for field in ("name", "args[0]", "args[1]")]


def test_a_validator_serves_many_checks() -> None:
    validator = Validator(KINDS)
    documents = manifests.read_stream(CUSTOM).documents
    assert validator.check(documents, stack()) == validator.check(documents, stack())


def test_a_manifest_with_endless_doubts_is_an_error_and_not_a_flood() -> None:
    pool = {"machineSpec": {"acceleratorType": "NVIDIA_B300", "acceleratorCount": 1}}
    spec = {"jobSpec": {"workerPoolSpecs": [pool] * 2000}}
    value = {"apiVersion": "aiplatform.googleapis.com/v1", "kind": "CustomJob", "metadata": {"name": "a"}, "spec": spec}
    found = validation.check([Document("a.yaml", 0, 1, value)], stack(), KINDS)
    assert len(found.problems) == 1001
    assert not found.ok
