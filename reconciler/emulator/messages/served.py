"""What is served of a kind: its facts, its behaviour and the messages of its fields."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from reconciler.emulator.behaviour import Behaviour
from reconciler.emulator.messages.shapes import Shapes
from reconciler.emulator.state.rows import Job, Key
from reconciler.vocabulary.kinds import Kind, Verb

READS = frozenset((Verb.GET, Verb.LIST, Verb.GET_IAM_POLICY, Verb.TEST_IAM_PERMISSIONS))
"""Methods that change nothing."""


@dataclass(frozen=True, slots=True)
class Served:
    """A kind with the shapes of its messages and the behaviour of its service."""

    kind: Kind
    behaviour: Behaviour
    shapes: Shapes

    def resource_name(self, key: Key) -> str:
        """Write a job's full name; the project is a number."""
        return f"{key.parent}/{self.kind.collection}/{key.job}"

    def state(self, name: str) -> str:
        """Spell a state such as RUNNING as the API does."""
        return f"{self.behaviour.api.state_prefix}{name}"

    def error(self, code: int, message: str) -> Any:
        """Write the error that a job ends with as the API does: a google.rpc.Status, or its message alone."""
        return message if self.behaviour.api.job_errors == "text" else {"code": code, "message": message}

    def is_terminal(self, job: Job) -> bool:
        """Say whether a job has ended."""
        return job.life.state in self.behaviour.terminal

    def etag(self, job: Job) -> str:
        """Derive a job's etag from its version."""
        return etag_of(f"{self.resource_name(job.key)} {job.life.created} {job.version}")


def etag_of(text: str) -> str:
    """Write the etag of what a text tells apart: base64 of eight bytes as recorded."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()
