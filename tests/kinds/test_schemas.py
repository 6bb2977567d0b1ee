"""The generated schemas and compiled kinds: up to date, well-formed, complete."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from reconciler.files import schemas
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import IdForm, Kind, Phase, Verb
from tools.schemas import facts, generate

KINDS = schemas.load_kinds()
ROOT = schemas.schema_root()
PUBLISHED = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/v1/*.json"))
X_KEYS = {
    "x-class",
    "x-enum",
    "x-literal",
    "x-map",
    "x-message",
    "x-oneof",
    "x-output-only",
    "x-pairs",
    "x-positional",
    "x-secret",
    "x-server-default",
    "x-server-default-also",
}


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def fields(kind: Kind) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, definition in {kind.name: kind.spec_schema, **kind.schema["definitions"]}.items():
        for field, shape in definition.get("properties", {}).items():
            yield name, field, shape


def test_what_is_checked_in_is_what_the_generator_writes() -> None:
    files = generate.generate()
    assert generate.differing(files) == []
    by_hand = {f"reconciler/v1/{name}.json" for name in ("Plan", "Snapshot", "Stack")}
    assert set(PUBLISHED) - set(files) == by_hand


@pytest.mark.parametrize("relative", PUBLISHED)
def test_every_published_schema_is_valid_draft_07(relative: str) -> None:
    schema = schemas.load_schema(relative)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("relative", PUBLISHED)
def test_every_reference_resolves_and_every_definition_is_used(relative: str) -> None:
    schema = schemas.load_schema(relative)
    wanted = {node["$ref"] for node in nodes(schema) if isinstance(node.get("$ref"), str)}
    assert wanted == {f"#/definitions/{name}" for name in schema["definitions"]}


@pytest.mark.parametrize("relative", PUBLISHED)
def test_a_reference_stands_alone_because_draft_07_ignores_its_siblings(relative: str) -> None:
    for node in nodes(schemas.load_schema(relative)):
        if isinstance(node.get("$ref"), str):
            assert list(node) == ["$ref"]


@pytest.mark.parametrize("relative", PUBLISHED)
def test_every_object_is_closed(relative: str) -> None:
    open_ones = [
        node
        for node in nodes(schemas.load_schema(relative))
        if isinstance(node.get("properties"), dict) and node.get("type") == "object"
        if node.get("additionalProperties") is not False
    ]
    assert open_ones == []


@pytest.mark.parametrize("relative", PUBLISHED)
def test_every_property_is_described(relative: str) -> None:
    schema = schemas.load_schema(relative)
    definitions = schema["definitions"]
    bare = []
    for node in nodes(schema):
        properties = node.get("properties")
        for name, shape in properties.items() if isinstance(properties, dict) and node.get("type") == "object" else ():
            target = definitions[shape["$ref"].rpartition("/")[2]] if "$ref" in shape else shape
            if "description" not in target and "const" not in target:
                bare.append(name)
    assert bare == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_only_keys_that_the_readme_explains_are_used(kind: Kind) -> None:
    used = {key for node in nodes(kind.schema) for key in node if key.startswith("x-")}
    assert used <= X_KEYS
    text = (ROOT / "kinds" / "README.md").read_text(encoding="utf-8")
    assert {key for key in X_KEYS if key not in text} == set()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_class_is_of_the_closed_set(kind: Kind) -> None:
    found = {node["x-class"] for node in nodes(kind.schema) if "x-class" in node}
    assert found <= facts.CLASSES
    assert {"image", "command", "resources", "scheduling", "identity", "data"} <= found


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_enum_has_its_zero_among_its_numbers(kind: Kind) -> None:
    enums = [(name, field, shape) for name, field, shape in fields(kind) if "x-enum" in shape]
    assert enums
    for name, field, shape in enums:
        marks = shape["x-enum"]
        assert marks["numbers"][marks["zero"]] == 0, f"{name}.{field}"
        assert set(marks["numbers"]) == set(shape["enum"]), f"{name}.{field}"
        assert len(set(marks["numbers"].values())) == len(shape["enum"]), f"{name}.{field}"


@pytest.mark.parametrize(
    ("kind", "definition", "field", "numbers"),
    [
        ("CustomJob", "MachineSpec", "acceleratorType", {"NVIDIA_TESLA_T4": 5, "NVIDIA_L4": 11, "TPU_V5_LITEPOD": 12}),
        ("CustomJob", "Scheduling", "strategy", {"STANDARD": 3, "SPOT": 4, "FLEX_START": 6}),
        ("NasJob", "NasJobSpecMultiTrialAlgorithmSpecMetricSpec", "goal", {"MAXIMIZE": 1, "MINIMIZE": 2}),
        ("Job", "TrainingInput", "scaleTier", {"BASIC": 0, "CUSTOM": 5}),
    ],
)
def test_enum_numbers_are_those_of_the_protos(kind: str, definition: str, field: str, numbers: dict[str, int]) -> None:
    marks = KINDS[kind].schema["definitions"][definition]["properties"][field]["x-enum"]
    assert {name: marks["numbers"][name] for name in numbers} == numbers


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_only_the_service_writes_is_no_field_of_the_spec(kind: Kind) -> None:
    hidden = {*kind.output_only, "labels", "etag", "name", kind.id_field}
    assert not hidden & set(kind.spec_schema["properties"])
    assert kind.spec_schema["x-output-only"] == list(kind.output_only)
    assert {kind.state_field, kind.error_field, "createTime", "endTime"} <= set(kind.output_only)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_phase_a_job_can_be_seen_in_has_a_state(kind: Kind) -> None:
    reached = set(kind.states.values())
    assert {Phase.PENDING, Phase.RUNNING, Phase.STOPPING, Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED} <= reached
    assert Phase.ENDED_UNKNOWN not in reached


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("JOB_STATE_QUEUED", Phase.PENDING),
        ("JOB_STATE_PENDING", Phase.PENDING),
        ("JOB_STATE_RUNNING", Phase.RUNNING),
        ("JOB_STATE_SUCCEEDED", Phase.SUCCEEDED),
        ("JOB_STATE_FAILED", Phase.FAILED),
        ("JOB_STATE_CANCELLING", Phase.STOPPING),
        ("JOB_STATE_CANCELLED", Phase.CANCELLED),
        ("JOB_STATE_PAUSED", Phase.RUNNING),
        ("JOB_STATE_EXPIRED", Phase.EXPIRED),
        ("JOB_STATE_UPDATING", Phase.RUNNING),
        ("JOB_STATE_PARTIALLY_SUCCEEDED", Phase.SUCCEEDED),
        ("JOB_STATE_UNSPECIFIED", Phase.RUNNING),
        ("JOB_STATE_NOT_INVENTED_YET", Phase.RUNNING),
    ],
)
@pytest.mark.parametrize("kind", ["CustomJob", "NasJob"])
def test_every_state_of_a_vertex_job_has_its_phase(kind: str, state: str, phase: Phase) -> None:
    assert KINDS[kind].phase({"state": state}) is phase


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("QUEUED", Phase.PENDING),
        ("PREPARING", Phase.PENDING),
        ("RUNNING", Phase.RUNNING),
        ("SUCCEEDED", Phase.SUCCEEDED),
        ("FAILED", Phase.FAILED),
        ("CANCELLING", Phase.STOPPING),
        ("CANCELLED", Phase.CANCELLED),
        ("STATE_UNSPECIFIED", Phase.RUNNING),
    ],
)
def test_every_state_of_an_ml_job_has_its_phase(state: str, phase: Phase) -> None:
    assert KINDS["Job"].phase({"state": state}) is phase


@pytest.mark.parametrize("row", [{}, {"state": "JOB_STATE_UNSPECIFIED"}, {"state": "JOB_STATE_NOT_INVENTED_YET"}])
def test_an_unknown_state_with_an_end_time_is_an_unknown_end(row: dict[str, str]) -> None:
    assert KINDS["CustomJob"].phase({**row, "endTime": "2026-01-01T00:00:00Z"}) is Phase.ENDED_UNKNOWN


def test_the_methods_are_those_of_the_api() -> None:
    vertex = {Verb.CREATE, Verb.GET, Verb.LIST, Verb.CANCEL, Verb.DELETE}
    assert KINDS["CustomJob"].verbs == KINDS["NasJob"].verbs == vertex
    assert not KINDS["Job"].can(Verb.DELETE)
    assert KINDS["Job"].can(Verb.PATCH)
    assert KINDS["Job"].can(Verb.SET_IAM_POLICY)


def test_only_the_ml_job_has_an_id_of_ours_an_etag_and_no_location() -> None:
    found = {name: (kind.id_form, kind.id_field, kind.etag, kind.located) for name, kind in KINDS.items()}
    vertex = (IdForm.SERVER, "", False, True)
    assert found == {"CustomJob": vertex, "NasJob": vertex, "Job": (IdForm.CLIENT, "jobId", True, False)}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_console_link_takes_project_location_and_id(kind: Kind) -> None:
    link = kind.console_url.format(project="p-1", location="us-central1", id="123")
    assert link.startswith("https://console.cloud.google.com/")
    assert "p-1" in link
    assert "123" in link


def test_server_defaults_are_only_those_the_service_returns() -> None:
    found = {
        (kind.name, name, field): shape["x-server-default"]
        for kind in KINDS.values()
        for name, field, shape in fields(kind)
        if "x-server-default" in shape
    }
    assert found == {
        (kind, "DiskSpec", field): default
        for kind in ("CustomJob", "NasJob")
        for field, default in (("bootDiskType", "pd-ssd"), ("bootDiskSizeGb", 100))
    }


def test_env_values_are_secret_and_names_and_uris_are_literal() -> None:
    definitions = KINDS["CustomJob"].schema["definitions"]
    env = definitions["EnvVar"]["properties"]
    assert env["value"]["x-secret"] is env["valueFrom"]["x-secret"] is True
    assert definitions["ContainerSpec"]["properties"]["imageUri"]["x-literal"] is True
    assert definitions["PythonPackageSpec"]["properties"]["packageUris"]["items"]["x-literal"] is True
    assert not any("x-literal" in definitions["ContainerSpec"]["properties"][name] for name in ("args", "command"))


def test_a_missing_or_damaged_install_is_named_by_its_path(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.ReconcilerError, match=r"kinds\.json cannot be read"):
        schemas.load_kinds(tmp_path)
    (tmp_path / "compiled").mkdir()
    compiled = tmp_path / "compiled" / "kinds.json"
    for text, what in (
        ("{", "is not JSON"),
        ("[]", "does not hold"),
        ('{"apis": {}, "kinds": {"A": {}}}', "describe A"),
        ("{}", "no kind"),
    ):
        compiled.write_text(text, encoding="utf-8")
        with pytest.raises(errors.ReconcilerError, match=what) as caught:
            schemas.load_kinds(tmp_path)
        assert str(compiled) in caught.value.message
        assert caught.value.hint
    rows = json.loads((ROOT / schemas.COMPILED).read_text(encoding="utf-8"))
    compiled.write_text(json.dumps(rows), encoding="utf-8")
    with pytest.raises(errors.ReconcilerError, match=r"CustomJob\.json cannot be read"):
        schemas.load_kinds(tmp_path)


def test_a_schema_name_that_leaves_the_folder_is_refused() -> None:
    for name in ("../pyproject.toml", "/etc/passwd", "kinds/none.json"):
        with pytest.raises(errors.ReconcilerError):
            schemas.load_schema(name)
