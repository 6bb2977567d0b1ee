"""Error replies whose causes lie outside the emulator, in the words others recorded: quotas, permissions, projects.

Faults answer with them; whether and when is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.emulator.faults.model import Asked
from reconciler.emulator.wire.project_numbers import ProjectNumbers

_TYPE = "type.googleapis.com/google.rpc."
_PATH = re.compile(
    r"/[a-z][a-z0-9]*/(?P<parent>projects/(?P<project>[^/:]+)(?:/locations/[^/:]+)?)/(?P<rest>(?P<jobs>[^/:]+)[^:]*)"
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One reply. Texts may hold {parent}, {project}, {number}, {service}, {title}, {permission} and {resource}."""

    code: int
    reason: str
    message: str
    source: str
    details: tuple[Mapping[str, Any], ...] = ()


def _info(reason: str, **more: Any) -> dict[str, Any]:
    return {"@type": f"{_TYPE}ErrorInfo", "reason": reason, **more}


def _help(description: str, url: str) -> dict[str, Any]:
    return {"@type": f"{_TYPE}Help", "links": [{"description": description, "url": url}]}


def _violation(field: str, text: str) -> dict[str, Any]:
    return {"@type": f"{_TYPE}BadRequest", "fieldViolations": [{"field": field, "description": text}]}


_ACTIVATION = "https://console.developers.google.com/apis/api/{service}/overview?project={number}"
_ACCELERATORS = (
    "job_spec.worker_pool_specs[0].machine_spec.accelerator_count",
    "Accelerators are not supported for this project.",
)
_MODEL = (
    'The model resource: "model" was not found. Please create the model resource first by using '
    "'gcloud ai-platform models create model'."
)
_K80 = (
    "The request for 2 K80 accelerators exceeds the allowed maximum of 0 A100, 0 K80, 0 P100, 0 P4, 0 T4, 0 TPU_V2, "
    "0 TPU_V2_POD, 0 TPU_V3, 0 TPU_V3_POD, 0 V100 accelerators."
)

REPLIES: Mapping[str, Recorded] = {
    "token": Recorded(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        "recorded: java-aiplatform#1056",
    ),
    "permission": Recorded(
        403,
        "PERMISSION_DENIED",
        "Permission '{permission}' denied on resource '//{service}/{resource}' (or it may not exist).",
        "recorded: linux-mcp-server#450, t5x-on-vertex-ai#5",
        (
            _info(
                "IAM_PERMISSION_DENIED",
                domain="{service}",
                metadata={"permission": "{permission}", "resource": "{resource}"},
            ),
        ),
    ),
    "api_disabled": Recorded(
        403,
        "PERMISSION_DENIED",
        "{title} API has not been used in project {number} before or it is disabled. Enable it by visiting "
        f"{_ACTIVATION} then retry. If you enabled this API recently, wait a few minutes for the action to propagate "
        "to our systems and retry.",
        "recorded: vertex-ai-samples#476",
        (
            _help("Google developers console API activation", _ACTIVATION),
            _info(
                "SERVICE_DISABLED",
                domain="googleapis.com",
                metadata={"consumer": "projects/{number}", "service": "{service}"},
            ),
        ),
    ),
    "project": Recorded(
        403,
        "PERMISSION_DENIED",
        "Permission denied on resource project {project}.",
        "recorded: training-data-analyst#1811 (a wrong project is no 404)",
        (
            _help(
                "Google developer console API key",
                "https://console.developers.google.com/project/{project}/apiui/credential",
            ),
            _info(
                "CONSUMER_INVALID",
                domain="googleapis.com",
                metadata={"consumer": "projects/{project}", "service": "{service}"},
            ),
        ),
    ),
    "scopes": Recorded(
        403,
        "PERMISSION_DENIED",
        "Request had insufficient authentication scopes.",
        "recorded: python-aiplatform#902",
        (_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT"),),
    ),
    "act_as": Recorded(
        400,
        "INVALID_ARGUMENT",
        "You do not have permission to act as service_account: runner@{project}.iam.gserviceaccount.com. "
        "(or it may not exist).",
        "recorded: python-aiplatform#1073 (a pipeline job; 400 and not 403)",
    ),
    "accelerators": Recorded(
        400,
        "INVALID_ARGUMENT",
        f"List of found errors:\t1.Field: {_ACCELERATORS[0]}; Message: {_ACCELERATORS[1]}\t",
        "recorded: GoogleCloudPlatform/generative-ai#151 (a custom job that a pipeline created)",
        (_violation(*_ACCELERATORS),),
    ),
    "model": Recorded(
        404,
        "NOT_FOUND",
        f"Field: prediction_input.model_name Error: {_MODEL}",
        "recorded: verilylifesciences/deepmass#6 (ml; what is missing is a reference and not the job)",
        (_violation("prediction_input.model_name", _MODEL),),
    ),
    "rate": Recorded(
        429,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded for quota metric 'Job or LRO submission requests' and limit 'Job or LRO submission requests "
        "per minute per region' of service '{service}' for consumer 'project_number:{number}'.",
        "recorded form of another API; metric, limit and details are unverified",
        (_info("RATE_LIMIT_EXCEEDED", domain="googleapis.com"),),
    ),
    "hardware_quota": Recorded(
        429,
        "RESOURCE_EXHAUSTED",
        "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_nvidia_l4_gpus",
        "recorded: stable-diffusion-on-gcp#12, xmanager#29 (no details)",
    ),
    "ml_quota": Recorded(
        429,
        "RESOURCE_EXHAUSTED",
        f"Quota failure for project {{project}}. {_K80} To read more about Cloud ML Engine quota, see "
        "https://cloud.google.com/ml-engine/quotas.",
        "recorded: training-data-analyst#2284 (ml)",
        ({"@type": f"{_TYPE}QuotaFailure", "violations": [{"subject": "{project}", "description": _K80}]},),
    ),
    "capacity": Recorded(
        429,
        "RESOURCE_EXHAUSTED",
        "Unable to submit request because the service is temporarily out of capacity. Try again later.",
        "recorded: google-cloud-java#11195",
    ),
}
"""Replies by the name a fault's `body` gives them."""


def envelope(name: str, asked: Asked) -> dict[str, Any]:
    """Write a reply's body for the call it answers."""
    reply = REPLIES[name]
    told = _told(asked)
    error = {"code": reply.code, "message": _filled(reply.message, told), "status": reply.reason}
    if reply.details:
        error["details"] = _filled(list(reply.details), told)
    return {"error": error}


def _told(asked: Asked) -> Mapping[str, str]:
    """Find what the texts speak of in a call's path; of a path that is none, as much as there is."""
    found = _PATH.match(asked.path)
    parent, project, jobs = (found["parent"], found["project"], found["jobs"]) if found else ("", "", "jobs")
    api = asked.service.partition(".")[0]
    resource = f"{parent}/{found['rest']}" if found and found["rest"] != jobs else parent
    return {
        "parent": parent,
        "project": project,
        "number": ProjectNumbers({}).number(project),
        "service": asked.service,
        "title": asked.title,
        "permission": f"{api}.{jobs}.{'update' if asked.method == 'patch' else asked.method}",
        "resource": resource,
    }


def _filled(value: Any, told: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: told[found[1]], value)
    if isinstance(value, Mapping):
        return {key: _filled(item, told) for key, item in value.items()}
    return [_filled(item, told) for item in value] if isinstance(value, list | tuple) else value
