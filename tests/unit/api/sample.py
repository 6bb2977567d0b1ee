"""Two kinds as data, one of each API, and a transport that answers from a list."""

from __future__ import annotations

import json
from typing import Any

from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Api, IdForm, Kind, Phase, Verb
from reconciler.vocabulary.model import Scope
from reconciler.vocabulary.wire import Request, Response

VERTEX = Api(
    name="aiplatform.googleapis.com/v1",
    located=True,
    global_host="aiplatform.{universe}",
    region_host="{location}-aiplatform.{universe}",
    multi_region_host="aiplatform.{location}.rep.{universe}",
    multi_regions=("eu", "us"),
)
AI_PLATFORM = Api(
    name="ml.googleapis.com/v1",
    located=False,
    global_host="ml.{universe}",
    region_host="",
    multi_region_host="",
    multi_regions=(),
)
CUSTOM_JOB = Kind(
    name="CustomJob",
    api=VERTEX,
    collection="customJobs",
    id_form=IdForm.SERVER,
    id_field="",
    list_field="customJobs",
    list_mask=("name", "labels", "state"),
    verbs=frozenset({Verb.CREATE, Verb.GET, Verb.LIST, Verb.CANCEL, Verb.DELETE}),
    state_field="state",
    states={"JOB_STATE_RUNNING": Phase.RUNNING},
    error_field="error",
    output_only=(),
    cosmetic=(),
    etag=False,
    console_url="",
    schema={},
)
ML_JOB = Kind(
    name="Job",
    api=AI_PLATFORM,
    collection="jobs",
    id_form=IdForm.CLIENT,
    id_field="jobId",
    list_field="jobs",
    list_mask=(),
    verbs=frozenset(Verb) - {Verb.DELETE},
    state_field="state",
    states={},
    error_field="errorMessage",
    output_only=(),
    cosmetic=(),
    etag=True,
    console_url="",
    schema={},
)
SCOPE = Scope("demo-project", "us-central1")
PROJECT = Scope("demo-project")
JOB = "projects/demo-project/locations/us-central1/customJobs/123"
ML = "projects/demo-project/jobs/train_1"


def reply(body: Any, status: int = 200) -> Response:
    """Build a JSON reply."""
    return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())


def failed(status: int, code: str, message: str = "no", **more: Any) -> Response:
    """Build an error envelope."""
    return reply({"error": {"code": status, "message": message, "status": code, **more}}, status)


class Scripted:
    """A transport that keeps the requests and answers from a list, the last entry for ever."""

    def __init__(self, *answers: Response | errors.ReconcilerError) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Response):
            return answer
        raise answer

    @property
    def lines(self) -> list[str]:
        """The requests as `METHOD URL`, without host and version."""
        return [f"{one.method} {one.url.removeprefix('http://embedded/v1/')}" for one in self.requests]
