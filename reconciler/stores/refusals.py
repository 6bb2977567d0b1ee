"""What Cloud Storage answers when it will not: the error for people, with the way out. Sends nothing."""

from __future__ import annotations

import json
from typing import Any

from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Response

_LONGEST = 1000
"""Characters of a server's message that are kept."""

_ROLE = "roles/storage.objectUser"
"""Creates, reads, lists, overwrites and deletes objects (Cloud Storage docs, "IAM roles for Cloud Storage")."""


def refused(reply: Response, what: str, bucket: str) -> errors.StoreFailed:
    """Turn a bad reply into an error that says what to do about it."""
    said = _message(reply) or f"status {reply.status}"
    return errors.StoreFailed(f"{what}: {reply.status}: {said}"[:_LONGEST], _way_out(reply, bucket))


def unreadable(what: str) -> errors.StoreFailed:
    """Build the error for a good status with a reply that is none of Cloud Storage's."""
    return errors.StoreFailed(
        f"{what}: the reply is not Cloud Storage's", "check the address of the store, and a proxy"
    )


def no_bucket(reply: Response) -> bool:
    """Say whether a 404 is about the bucket (recorded: "The specified bucket does not exist.") or no reply of the API."""
    message = _message(reply)
    return not message or "bucket does not exist" in message


def _way_out(reply: Response, bucket: str) -> str:
    status = reply.status
    if 300 <= status <= 399:
        return "redirects are not followed, a token could leak; check the address of the store"
    if status == 401:
        return "log in again: `gcloud auth application-default login`"
    if status == 403 and b"retention" in reply.body.lower():
        return "lock and journal must be overwritten and deleted: use a bucket without a retention policy"
    if status == 403:
        return f"grant the caller {_ROLE} on gs://{bucket}; a bucket that does not exist may answer so too"
    if status == 404 and b"No such object" in reply.body:
        return "somebody removed it meanwhile; run again"
    if status == 404:
        return f"create the bucket gs://{bucket}, or correct spec.store"
    if status == 429 or status >= 500:
        return "the service is busy or failing; run again in a moment"
    return "check spec.store"


def _message(reply: Response) -> str:
    """Return the message of the API's own envelope; empty where the body is something else."""
    try:
        value: Any = json.loads(reply.body)
        message = value["error"]["message"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""
    return " ".join(str(message).split())
