"""Names and URLs of jobs."""

from __future__ import annotations

import pytest

from reconciler.api import endpoints
from reconciler.api.endpoints import Endpoints
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import Scope
from tests.unit.api.sample import CUSTOM_JOB, JOB, ML, ML_JOB, PROJECT, SCOPE


@pytest.mark.parametrize(
    ("backend", "kind", "scope", "url"),
    [
        (
            "google",
            CUSTOM_JOB,
            SCOPE,
            "https://us-central1-aiplatform.googleapis.com/v1/projects/demo-project/locations/us-central1/customJobs",
        ),
        (
            "google",
            CUSTOM_JOB,
            Scope("demo-project", "eu"),
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/demo-project/locations/eu/customJobs",
        ),
        ("google", ML_JOB, PROJECT, "https://ml.googleapis.com/v1/projects/demo-project/jobs"),
        ("google", ML_JOB, SCOPE, "https://ml.googleapis.com/v1/projects/demo-project/jobs"),
        ("embedded", ML_JOB, PROJECT, "http://embedded/v1/projects/demo-project/jobs"),
        ("http://127.0.0.1:8080/", ML_JOB, PROJECT, "http://127.0.0.1:8080/v1/projects/demo-project/jobs"),
        ("embedded", ML_JOB, Scope("example.com:demo"), "http://embedded/v1/projects/example.com:demo/jobs"),
    ],
)
def test_a_collection_has_one_url(backend: str, kind: Kind, scope: Scope, url: str) -> None:
    assert Endpoints(backend).collection_url(kind, scope) == url


def test_a_resource_is_read_where_its_own_name_says() -> None:
    url = Endpoints("google").resource_url(CUSTOM_JOB, JOB.replace("us-central1", "europe-west4"), "cancel")
    assert url == (
        "https://europe-west4-aiplatform.googleapis.com/v1/projects/demo-project/locations/europe-west4/"
        "customJobs/123:cancel"
    )


def test_query_values_are_encoded() -> None:
    query: dict[str, str | int] = {"filter": 'labels.a="b" AND x>1', "pageSize": 5}
    url = Endpoints("embedded").collection_url(ML_JOB, PROJECT, query)
    assert url.endswith("/jobs?filter=labels.a%3D%22b%22%20AND%20x%3E1&pageSize=5")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "123",
        ML,
        f"{JOB}/operations/1",
        f"{JOB}:cancel",
        JOB.replace("123", ""),
        JOB.replace("123", ".."),
        JOB.replace("123", "1?x=y"),
        JOB.replace("123", "1#"),
        JOB.replace("123", "1\n"),
        JOB.replace("demo-project", "../../v2"),
        JOB.replace("customJobs", "nasJobs"),
        f"https://evil.example/{JOB}",
        f"//evil.example/{JOB}",
    ],
)
def test_what_does_not_name_a_job_is_never_asked_for(name: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="does not name a CustomJob"):
        Endpoints("embedded").resource_url(CUSTOM_JOB, name)


@pytest.mark.parametrize(
    "scope", [Scope("../x", "us-central1"), Scope("p", "a/b/.."), Scope("", "l"), Scope("p?x", "l")]
)
def test_a_scope_cannot_leave_its_path(scope: Scope) -> None:
    with pytest.raises(errors.InvalidRequest, match="not a resource name"):
        Endpoints("embedded").collection_url(CUSTOM_JOB, scope)


def test_names_come_apart() -> None:
    assert (endpoints.location_of(JOB), endpoints.location_of(ML)) == ("us-central1", "")
    assert (endpoints.last_segment(JOB), endpoints.last_segment(ML)) == ("123", "train_1")
