"""A stack as its file gives it, for tests that write no file: one project, one location, nothing else said."""

from __future__ import annotations

from reconciler.vocabulary.model import Limits, Scope, Stack

UID = "3fa94c1b"
SCOPE = Scope("demo-project", "us-central1")
STACK = Stack(
    name="s",
    uid=UID,
    root="/s",
    backend="embedded",
    scopes=(SCOPE,),
    kinds=(),
    default_project=SCOPE.project,
    default_location=SCOPE.location,
    default_labels={},
    default_lifecycle={},
    manifests=(),
    ignore=(),
    limits=Limits(),
    store=".reconciler",
    settle=30.0,
)
"""Tests that want another one replace fields of it."""

STACK_FILE = f"""\
apiVersion: reconciler/v1
kind: Stack
metadata: {{name: s, uid: {UID}}}
spec:
  backend: embedded
  scopes: [{{project: demo-project, locations: [us-central1]}}]
  settle: 1s
"""
"""The file of such a stack, whose lists settle fast."""
