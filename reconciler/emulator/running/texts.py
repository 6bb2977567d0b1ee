"""What the errors of jobs that ran say, as the services write them. Pairs of gRPC code and message."""

from __future__ import annotations

from urllib.parse import quote

from reconciler.emulator.running.plans import Plan, Replica
from reconciler.emulator.state.rows import Key

INVALID_ARGUMENT = 3
"""The code of a job whose code failed (recorded: CustomJob in issues, code 3)."""

INTERNAL = 13

STOPPED = (INTERNAL, "The emulator stopped while this job was running, and its processes with it.")
"""A run does not outlive its emulator; no service has such an error."""


def exited(plan: Plan, replica: Replica, key: Key, status: int) -> tuple[int, str]:
    """Tell of a process that failed (recorded; documented: Vertex AI, understanding the training service)."""
    text = f"The replica {replica.label} exited with a non-zero status of {status}."
    # recorded: the message of AI Platform goes on with the logs at once (Cloud Custodian, 2019)
    reason = "" if plan.legacy else " Termination reason: Error."
    return INVALID_ARGUMENT, f"{text}{reason} {_logs(key)}"


def unstartable(replica: Replica, key: Key, error: Exception) -> tuple[int, str]:
    """Tell of a command that this machine cannot run; a shell's 127 and the reason that Kubernetes gives."""
    command = replica.arguments[0] if replica.arguments else ""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = f"The replica {replica.label} exited with a non-zero status of 127."
    reason = f"Termination reason: ContainerCannotRun. `{command}`: {why} (its command runs on this machine, not in its image)."
    return INVALID_ARGUMENT, f"{text} {reason} {_logs(key)}"


def _logs(key: Key) -> str:
    """Write the closing sentence with its address (recorded: Cloud Custodian, 2019)."""
    chosen = quote(f'resource.type="ml_job"\nresource.labels.job_id="{key.job}"', safe="")
    resource = quote(f"ml_job/job_id/{key.job}", safe="")
    return (
        "To find out more about why your job exited please check the logs: https://console.cloud.google.com/logs/viewer"
        f"?project={quote(key.project, safe='')}&resource={resource}&advancedFilter={chosen}"
    )
