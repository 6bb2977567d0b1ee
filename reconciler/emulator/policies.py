"""The IAM policy of one job: a document beside the job with its own etag.

It knows no principals: whoever calls holds every permission of a job."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.emulator import replies
from reconciler.emulator.jobs import JobMethods, Served
from reconciler.emulator.replies import Refusal
from reconciler.emulator.requests import Call
from reconciler.emulator.state import Key, State

_EMPTY_ETAG = "ACAB"  # unverified: the general convention for a resource without a policy
_DEFAULT_MASK = "bindings,etag"  # discovery ml v1 rev 20251213: updateMask of setIamPolicy
_VERSIONS = (0, 1, 3)  # discovery ml v1 rev 20251213: valid values of Policy.version
_POLICY_FIELDS = {"version": int, "bindings": list, "auditConfigs": list, "etag": str}


class PolicyMethods:
    """getIamPolicy, setIamPolicy and testIamPermissions over the stored jobs."""

    def __init__(self, state: State, jobs: JobMethods) -> None:
        self._state = state
        self._jobs = jobs

    def get(self, served: Served, key: Key, call: Call) -> Any:
        """Answer the job's policy, an empty one where none was set."""
        asked = call.query.get("options.requestedPolicyVersion", "0")
        if asked not in map(str, _VERSIONS):
            raise Refusal("INVALID_ARGUMENT", f"Invalid requested policy version {asked}; valid are 0, 1 and 3.")
        policy = self._jobs.found(served, key).policy
        return {"etag": _EMPTY_ETAG} if policy is None else _shown(policy, int(asked))

    def set(self, served: Served, key: Key, call: Call) -> Any:
        """Replace the parts of the policy that the mask names; an etag that moved is refused."""
        body = _message(call.json(), {"policy": dict, "updateMask": str}, "")
        given = _message(body.get("policy") or {}, _POLICY_FIELDS, "policy")
        _check(given)
        job = self._jobs.found(served, key)
        held = job.policy or {"etag": _EMPTY_ETAG}
        if given.get("etag") and given["etag"] != held["etag"]:
            # unverified: 409 ABORTED is IAM's general practice
            raise Refusal("ABORTED", "There were concurrent policy changes. Please retry the whole read-modify-write.")
        kept = {name: value for name, value in held.items() if name != "etag"}
        for name in (body.get("updateMask") or _DEFAULT_MASK).replace(" ", "").split(","):
            if name not in _POLICY_FIELDS:
                raise Refusal("INVALID_ARGUMENT", f"Invalid update mask: `{name}` is no field of a policy.")
            kept.pop(name, None)
            if given.get(name) and name != "etag":
                kept[name] = given[name]
        kept["version"] = max(given.get("version", 0), 1)
        policy = {**kept, "etag": _etag(kept, str(held["etag"]))}
        self._state.save(replace(job, policy=policy))
        return policy

    def test(self, served: Served, key: Key, call: Call) -> Any:
        """Answer the asked permissions that the caller holds; none, and no 404, for a missing job (documented)."""
        asked = _message(call.json(), {"permissions": list}, "").get("permissions", [])
        wild = [name for name in asked if not isinstance(name, str) or "*" in name]
        if wild:
            raise Refusal(
                "INVALID_ARGUMENT", f"Permission {json.dumps(wild[0])} is not valid: wildcards are not allowed."
            )
        there = self._state.find(key) is not None
        held = [name for name in asked if there and name in served.conduct.permissions]
        return {"permissions": held} if held else {}


def _message(value: Any, fields: Mapping[str, type], path: str) -> dict[str, Any]:
    """Read a small message: known fields of the right type, nulls dropped."""
    if not isinstance(value, dict):
        raise replies.invalid_json([(path, f"Invalid value at '{path}', an object was expected.")])
    violations = []
    for name, item in value.items():
        at = f" at '{path}'" if path else ""
        if name not in fields:
            violations.append((path, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'))
        elif item is not None and not isinstance(item, fields[name]):
            violations.append((path, f"Invalid value at '{path}.{name}', {json.dumps(item)[:200]}"))
    if violations:
        raise replies.invalid_json(violations)
    return {name: item for name, item in value.items() if item is not None}


def _check(policy: Mapping[str, Any]) -> None:
    version = policy.get("version", 0)
    if version not in _VERSIONS:
        raise Refusal("INVALID_ARGUMENT", f"Invalid policy version {version}; valid are 0, 1 and 3.")
    for index, binding in enumerate(policy.get("bindings", [])):
        fields = {"role": str, "members": list, "condition": dict}
        read = _message(binding, fields, f"policy.bindings[{index}]")
        if not read.get("role"):
            raise Refusal("INVALID_ARGUMENT", f"policy.bindings[{index}].role must be set.")
        if "condition" in read and version != 3:
            raise Refusal("INVALID_ARGUMENT", "Conditional role bindings need policy version 3.")


def _shown(policy: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Hide conditions from a reader who did not ask for version 3: the role gets a suffix instead (IAM docs)."""
    bindings = policy.get("bindings", [])
    if version == 3 or not any("condition" in binding for binding in bindings):
        return dict(policy)
    hidden = [_hidden(binding) if "condition" in binding else binding for binding in bindings]
    return {**policy, "bindings": hidden, "version": 1}


def _hidden(binding: Mapping[str, Any]) -> dict[str, Any]:
    mark = hashlib.sha256(json.dumps(binding["condition"], sort_keys=True).encode()).hexdigest()[:20]
    return {"role": f"{binding['role']}_withcond_{mark}", "members": binding.get("members", [])}


def _etag(policy: Mapping[str, Any], before: str) -> str:
    text = before + json.dumps(policy, sort_keys=True)
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()
