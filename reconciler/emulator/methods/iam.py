"""The IAM policy of one job: a document of its own with its own etag.

It knows no principals: whoever calls holds every permission of a job."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.emulator.messages import parse, shapes
from reconciler.emulator.messages.parse import Violation
from reconciler.emulator.messages.served import Served, etag_of
from reconciler.emulator.methods.jobs import JobMethods
from reconciler.emulator.state.database import State
from reconciler.emulator.state.rows import Key
from reconciler.emulator.wire import field_masks, replies
from reconciler.emulator.wire.replies import Refusal
from reconciler.emulator.wire.requests import Call

_EMPTY_ETAG = "ACAB"  # unverified: the general convention for a resource without a policy
_DEFAULT_MASK = "bindings,etag"  # discovery ml v1 rev 20251213: updateMask of setIamPolicy
_VERSIONS = (0, 1, 3)  # discovery ml v1 rev 20251213: valid values of Policy.version

Shape = type | tuple["Shape"] | Mapping[str, "Shape"]
"""How a small message is read: a scalar's type (bytes: base64 text), the one shape of a list's items, or fields."""

# discovery ml v1 rev 20251213: GoogleIamV1__Policy and what it holds
_CONDITION: Shape = {"expression": str, "title": str, "description": str, "location": str}
_BINDING: Shape = {"role": str, "members": (str,), "condition": _CONDITION}
_LOGS: Shape = {"logType": str, "exemptedMembers": (str,)}
_AUDIT: Shape = {"service": str, "auditLogConfigs": (_LOGS,)}
_POLICY: Mapping[str, Shape] = {"version": int, "bindings": (_BINDING,), "auditConfigs": (_AUDIT,), "etag": bytes}
_TYPES: Mapping[type, str] = {int: "TYPE_INT32", str: "TYPE_STRING", bytes: "TYPE_BYTES"}


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
        body = _message(call.json(), {"policy": _POLICY, "updateMask": str})
        given = body.get("policy", {})
        _check(given)
        job = self._jobs.found(served, key)
        held = job.policy or {"etag": _EMPTY_ETAG}
        if given.get("etag") and given["etag"] != held["etag"]:
            # unverified: 409 ABORTED is IAM's general practice
            raise Refusal("ABORTED", "There were concurrent policy changes. Please retry the whole read-modify-write.")
        kept = {name: value for name, value in held.items() if name != "etag"}
        for path in (body.get("updateMask") or _DEFAULT_MASK).replace(" ", "").split(","):
            name = field_masks.camel(path)
            if name not in _POLICY:
                raise Refusal("INVALID_ARGUMENT", f"Invalid update mask: `{path}` is no field of a policy.")
            kept.pop(name, None)
            if given.get(name) and name != "etag":
                kept[name] = given[name]
        kept["version"] = max(given.get("version", 0), 1)
        policy = {**kept, "etag": _etag(kept, str(held["etag"]))}
        self._state.save(replace(job, policy=policy))
        return policy

    def test(self, served: Served, key: Key, call: Call) -> Any:
        """Answer the asked permissions that the caller holds; none, and no 404, for a missing job (documented)."""
        asked = _message(call.json(), {"permissions": (str,)}).get("permissions", [])
        wild = [name for name in asked if "*" in name]
        if wild:
            raise Refusal(
                "INVALID_ARGUMENT", f"Permission {json.dumps(wild[0])} is not valid: wildcards are not allowed."
            )
        there = self._state.find(key) is not None
        held = [name for name in asked if there and name in served.behaviour.permissions]
        return {"permissions": held} if held else {}


def _message(value: Any, shape: Shape) -> Any:
    """Read a request's JSON by its shape, names in camelCase or snake_case, nulls dropped; all that is wrong is told."""
    violations: list[Violation] = []
    read = _read(value, shape, "", violations)
    if violations:
        raise replies.invalid_json(violations)
    return read


def _read(value: Any, shape: Shape, path: str, violations: list[Violation]) -> Any:
    if isinstance(shape, Mapping) and isinstance(value, dict):
        return _fields(value, shape, path, violations)
    if isinstance(shape, tuple) and isinstance(value, list):
        return [_read(item, shape[0], f"{path}[{index}]", violations) for index, item in enumerate(value)]
    if _is_scalar(value, shape):
        return value
    violations.append((path, parse.invalid_value(path, value, _TYPES[shape] if isinstance(shape, type) else "")))
    return None


def _fields(value: Mapping[str, Any], shape: Mapping[str, Shape], path: str, violations: list[Violation]) -> Any:
    read = {}
    for key, item in value.items():
        name = key if key in shape else field_masks.camel(key)
        below = f"{path}.{shapes.snake(name)}" if path else shapes.snake(name)
        if name not in shape:
            violations.append((path, parse.unknown_name(key, path)))
        elif item is not None:
            read[name] = _read(item, shape[name], below, violations)
    return read


def _is_scalar(value: Any, shape: Shape) -> bool:
    """Say whether a value is of a scalar type; bytes are base64, padded or not, of either alphabet (proto3 JSON)."""
    if shape is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if shape is bytes:
        return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9+/_-]*={0,2}", value) is not None
    return shape is str and isinstance(value, str)


def _check(policy: Mapping[str, Any]) -> None:
    version = policy.get("version", 0)
    if version not in _VERSIONS:
        raise Refusal("INVALID_ARGUMENT", f"Invalid policy version {version}; valid are 0, 1 and 3.")
    for index, binding in enumerate(policy.get("bindings", [])):
        if not binding.get("role"):
            raise Refusal("INVALID_ARGUMENT", f"policy.bindings[{index}].role must be set.")
        if "condition" in binding and version != 3:
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
    return etag_of(before + json.dumps(policy, sort_keys=True))
