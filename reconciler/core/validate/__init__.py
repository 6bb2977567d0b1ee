"""Decide whether documents and stack files mean something, and say all that is wrong. The only place of JSON Schema."""

from reconciler.core.validate.manifests import Validation, Validator, check
from reconciler.core.validate.stack_file import stack

__all__ = ["Validation", "Validator", "check", "stack"]
