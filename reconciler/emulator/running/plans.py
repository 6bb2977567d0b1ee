"""Which processes a job's body asks for. It starts none, and tells kinds apart by the fields they carry only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_REPLICAS = 16
"""Processes of one job (chosen); a job that asks for more fails at once instead of forking this machine to a halt."""

WEEK = 604_800.0
"""Seconds a job may run unless it says otherwise (proto: Scheduling.timeout; discovery ml v1: maxRunningTime)."""

_ROLES = ("chief", "worker", "ps", "evaluator")
"""Task types of TF_CONFIG by the position of the pool (docs.cloud.google.com, Vertex AI: distributed training)."""

_ML_POOLS = (
    ("master", "masterConfig", ""),
    ("worker", "workerConfig", "workerCount"),
    ("ps", "parameterServerConfig", "parameterServerCount"),
    ("evaluator", "evaluatorConfig", "evaluatorCount"),
)


@dataclass(frozen=True, slots=True)
class Replica:
    """One process. `name` is its name in logs, `label` the one in error messages, `role` its task type in TF_CONFIG."""

    name: str
    label: str
    pool: str
    role: str
    index: int
    arguments: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The processes of a job, the primary first. With a `problem` it cannot run, and that is why.

    `spec` is the message that CLUSTER_SPEC repeats, `base` the output folder its variables come from, `timeout` in
    seconds. `legacy` marks a job of AI Platform, whose variables and error texts differ.
    """

    replicas: tuple[Replica, ...]
    spec: Mapping[str, Any]
    base: str = ""
    timeout: float = WEEK
    legacy: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Pool:
    """A pool before it is spread into replicas; `command` is empty where the image's entrypoint would run."""

    name: str
    role: str
    count: int
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()


def read(body: Mapping[str, Any]) -> Plan | None:
    """Return what a job would run; None where no container of it has a command, so that nothing is known to run."""
    if "jobSpec" in body:
        spec = body["jobSpec"]
        base = spec.get("baseOutputDirectory", {}).get("outputUriPrefix", "")
        timeout = _seconds(spec.get("scheduling", {}).get("timeout"))
        return _plan(list(_pools(spec)), Plan((), spec, base, timeout))
    if "trainingInput" in body:
        spec = body["trainingInput"]
        timeout = _seconds(spec.get("scheduling", {}).get("maxRunningTime"))
        return _plan(list(_legacy_pools(spec)), Plan((), spec, "", timeout, legacy=True))
    return None


def _plan(pools: Sequence[_Pool], bare: Plan) -> Plan | None:
    if not any(pool.command for pool in pools):
        return None
    silent = [pool.name for pool in pools if not pool.command]
    total = sum(pool.count for pool in pools)
    problem = ""
    if silent:
        problem = (
            f"{', '.join(silent)} has no containerSpec.command, and others have one: with --run-jobs no image is "
            "pulled, so its entrypoint is unknown. Give every pool a command, or none."
        )
    elif total > MOST_REPLICAS:
        problem = f"The job asks for {total} replicas; with --run-jobs a job has at most {MOST_REPLICAS}."
    replicas = () if problem else tuple(_replicas(pools, legacy=bare.legacy))
    return Plan(replicas, bare.spec, bare.base, bare.timeout, bare.legacy, problem)


def _replicas(pools: Sequence[_Pool], *, legacy: bool) -> Iterator[Replica]:
    for pool in pools:
        for index in range(pool.count):
            # recorded: "The replica master 0 exited ..." (Cloud Custodian, 2019), "The replica workerpool0-0 exited ..."
            name = f"{pool.name}-replica-{index}" if legacy else f"{pool.name}-{index}"
            label = f"{pool.name} {index}" if legacy else name
            yield Replica(name, label, pool.name, pool.role, index, (*pool.command, *pool.arguments), pool.env)


def _pools(spec: Mapping[str, Any]) -> Iterator[_Pool]:
    """Read worker pools; those left empty keep their number (proto: all but the first may be skipped)."""
    for number, pool in enumerate(spec.get("workerPoolSpecs", ())):
        count = int(pool.get("replicaCount", 1 if pool else 0))
        if count < 1:
            continue
        container = pool.get("containerSpec", {})
        env = tuple((each.get("name", ""), each.get("value", "")) for each in container.get("env", ()))
        role = _ROLES[number] if number < len(_ROLES) else ""
        command, arguments = (tuple(container.get(name, ())) for name in ("command", "args"))
        yield _Pool(f"workerpool{number}", role, count, command, arguments, env)


def _legacy_pools(spec: Mapping[str, Any]) -> Iterator[_Pool]:
    """Read the replicas of a training input; a config without an image is the master's (discovery ml v1)."""
    master = spec.get("masterConfig", {})
    for name, field, counter in _ML_POOLS:
        count = int(spec.get(counter, 0)) if counter else 1
        if count < 1:
            continue
        given = spec.get(field, {})
        config = given if given.get("imageUri") else master
        role = "chief" if name == "master" and spec.get("useChiefInTfConfig") else name
        arguments = tuple(config.get("containerArgs", ())) or tuple(spec.get("args", ()))
        if spec.get("jobDir"):
            arguments += ("--job-dir", spec["jobDir"])
        yield _Pool(name, role, count, tuple(config.get("containerCommand", ())), arguments)


def _seconds(duration: Any) -> float:
    """Read a JSON duration such as `7200s`; a week where there is none, or one of zero."""
    try:
        found = float(str(duration).removesuffix("s")) if duration else 0.0
    except ValueError:
        return WEEK
    return found if found > 0 else WEEK


def short(arguments: Sequence[str]) -> str:
    """Write a command for a log line: JSON, cut to 200 characters."""
    text = json.dumps(list(arguments), ensure_ascii=False)
    return text if len(text) <= 200 else text[:199] + "…"
