"""StackQL files: which INSERTs are read, and how the rest is answered."""

from __future__ import annotations

import pytest

from reconciler.core import convert
from reconciler.files import schemas

KINDS = schemas.load_kinds()
CREATE = """
/*+ exists */
SELECT COUNT(*) as count FROM google.aiplatform.custom_jobs WHERE locationsId = 'us-central1'

/*+ create */
INSERT INTO google.aiplatform.custom_jobs (
  data__displayName, -- the name; people see it
  data__jobSpec,
  data__labels,
  projectsId,
  locationsId
)
SELECT
  'Anna''s job',
  '{"workerPoolSpecs": [{"replicaCount": "1", "containerSpec": {"imageUri": "gcr.io/p/i"}}]}',
  '{"team": "vision"}',
  'demo-project',
  'us-central1'
RETURNING name, state

/*+ delete */
DELETE FROM google.aiplatform.custom_jobs WHERE customJobsId = '1';
"""


def read(text: str) -> convert.Inserts:
    return convert.read_inserts(text, KINDS)


def test_an_insert_is_a_resource_and_a_place() -> None:
    (row,) = read(CREATE).rows
    pools = [{"replicaCount": "1", "containerSpec": {"imageUri": "gcr.io/p/i"}}]
    assert row.kind.name == "CustomJob"
    assert row.resource == {
        "displayName": "Anna's job",
        "jobSpec": {"workerPoolSpecs": pools},
        "labels": {"team": "vision"},
    }
    assert (row.project, row.location) == ("demo-project", "us-central1")


def test_an_insert_becomes_a_manifest() -> None:
    (row,) = read(CREATE).rows
    done = convert.to_manifest(
        row.resource, name="train", kind=row.kind, kinds=KINDS, project=row.project, location=row.location
    )
    assert done.problems == ()
    assert done.manifest["metadata"] == {
        "name": "train",
        "project": "demo-project",
        "location": "us-central1",
        "labels": {"team": "vision"},
    }


def test_statements_that_create_nothing_are_passed_over_and_told() -> None:
    assert read(CREATE).notes == ("statements: 2 that are no INSERT were passed over (SELECT, DELETE).",)


def test_every_row_of_values_is_a_resource() -> None:
    text = """INSERT INTO google.ml.jobs (data__jobId, data__trainingInput, parent, pageSize)
        VALUES ('a_1', '{"region": "r"}', 'projects/demo-project', 5), ("b", {{ input }}, 'x', null)"""
    found = read(text.replace('"b"', "'b'"))
    assert [(row.kind.name, row.resource["jobId"], row.project) for row in found.rows] == [
        ("Job", "a_1", "demo-project"),
        ("Job", "b", ""),
    ]
    assert found.rows[1].resource["trainingInput"] == "{{ input }}"
    assert "pageSize: is a parameter of the call and was dropped (5)." in found.notes


def test_numbers_booleans_and_text_that_looks_like_json_keep_their_meaning() -> None:
    text = """INSERT INTO google.aiplatform.nas_jobs (data__enableRestrictedImageTraining, data__displayName, data__x)
        SELECT true, '[draft]', -1.5;"""
    (row,) = read(text).rows
    assert row.resource == {"enableRestrictedImageTraining": True, "displayName": "[draft]", "x": -1.5}


def test_a_place_that_a_template_leaves_open_is_left_to_the_stack() -> None:
    (row,) = read("INSERT INTO google.ml.jobs (data__jobId, projectsId) SELECT 'a', '{{ projectsId }}'").rows
    assert (row.project, row.location) == ("", "")


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("", "no-insert", "no INSERT"),
        ("SELECT 1", "no-insert", "no INSERT"),
        ("INSERT INTO google.compute.networks (a) SELECT 1", "unsupported-kind", "google.compute.networks"),
        ("INSERT INTO google.ml.jobs (a, b) SELECT 1", "stackql-syntax", "2 columns are given 1 values"),
        ("INSERT INTO google.ml.jobs (a) SELECT f(1)", "stackql-syntax", "'f' is no plain value"),
        ("INSERT INTO google.ml.jobs (a) SELECT 1 FROM t", "stackql-syntax", "'FROM' stands behind its values"),
        ("INSERT INTO google.ml.jobs (a) SELECT 'x", "stackql-syntax", "no plain value"),
        ("INSERT INTO google.ml.jobs (a) SELECT", "stackql-syntax", "the end"),
        ("INSERT INTO google.ml.jobs (1) SELECT 1", "stackql-syntax", "no name of a column"),
        ("INSERT INTO google.ml.jobs a", "stackql-syntax", "( was expected"),
        (
            "INSERT INTO google.ml.jobs (data__trainingInput) SELECT '{region}'",
            "stackql-syntax",
            "data__trainingInput holds no JSON",
        ),
        ("{% for a in b %} INSERT INTO google.ml.jobs (a) SELECT 1 {% endfor %}", "template", "render the file first"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(text: str, rule: str, words: str) -> None:
    found = read(text)
    (problem,) = found.problems
    assert (found.rows, problem.rule) == ((), rule)
    assert words in f"{problem.message} {problem.hint}"


@pytest.mark.parametrize("piece", ["/*", "'", "{{", "(", '"', "--", "/*+", "INSERT "])
def test_broken_text_of_any_length_is_answered(piece: str) -> None:
    assert read(piece * 20_000).problems
