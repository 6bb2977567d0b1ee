"""The variables a replica's process finds: the service's, the job's own and a few of this machine. It starts nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.emulator.running.plans import Plan, Replica
from reconciler.emulator.state.rows import Key

# proto: EnvVar.value ("$(VAR_NAME)", escaped as "$$(VAR_NAME)")
_REFERENCE = re.compile(r"(\$)?\$\(([^()]+)\)")


def variables(
    plan: Plan, replica: Replica, addresses: Sequence[str], key: Key, machine: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of a process; `addresses` are host:port of the plan's replicas, in their order.

    The job's own variables win over this machine's, the service's over both (chosen).
    """
    service = _service(plan, replica, addresses, key)
    own: dict[str, str] = {}
    for name, value in replica.env:
        own[name] = expand(value, {**machine, **own, **service})
    return {**machine, **own, **service}


def expand(value: str, known: Mapping[str, str]) -> str:
    """Put the values of variables for `$(NAME)`; one that is unknown stays as it is (proto: EnvVar.value)."""

    def one(found: re.Match[str]) -> str:
        return found[0][1:] if found[1] else known.get(found[2], found[0])

    return _REFERENCE.sub(one, value)


def _service(plan: Plan, replica: Replica, addresses: Sequence[str], key: Key) -> dict[str, str]:
    # relied on by clients: the job's id in google-cloud-aiplatform's training_utils, the others in training code at large,
    # which reads the project's number from CLOUD_ML_PROJECT_ID
    found = {"CLOUD_ML_JOB_ID": key.job, "CLOUD_ML_PROJECT_ID": key.project}
    region = key.location or plan.spec.get("region", "")
    if region:
        found["CLOUD_ML_REGION"] = region
    if plan.base:
        # proto: CustomJobSpec.baseOutputDirectory
        base = plan.base if plan.base.endswith("/") else f"{plan.base}/"
        found["AIP_MODEL_DIR"] = f"{base}model/"
        found["AIP_CHECKPOINT_DIR"] = f"{base}checkpoints/"
        found["AIP_TENSORBOARD_LOG_DIR"] = f"{base}logs/"
    found["CLUSTER_SPEC"] = json.dumps(_cluster_spec(plan, replica, addresses))
    # Vertex AI docs, distributed training: not set for a job of one replica; AI Platform sets it for every job
    if len(plan.replicas) > 1 or plan.legacy:
        found["TF_CONFIG"] = json.dumps(_tf_config(plan, replica, addresses))
    return found


def _cluster_spec(plan: Plan, replica: Replica, addresses: Sequence[str]) -> dict[str, Any]:
    cluster: dict[str, list[str]] = {}
    for each, address in zip(plan.replicas, addresses, strict=True):
        cluster.setdefault(each.pool, []).append(address)
    task = {"type": replica.pool, "index": replica.index}
    return {"cluster": cluster, "environment": "cloud", "task": task, "job": plan.spec}


def _tf_config(plan: Plan, replica: Replica, addresses: Sequence[str]) -> dict[str, Any]:
    cluster: dict[str, list[str]] = {}
    for each, address in zip(plan.replicas, addresses, strict=True):
        if each.role not in ("", "evaluator"):  # documented: evaluators are no part of the cluster
            cluster.setdefault(each.role, []).append(address)
    task = {"type": replica.role or replica.pool, "index": replica.index}
    return {"cluster": cluster, "task": task, "job": plan.spec, "environment": "cloud"}
