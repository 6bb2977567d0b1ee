"""Who holds a lock, as locks write it down and people read it. Knows no lock."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping
from datetime import UTC, datetime


def of_this_process(purpose: str) -> dict[str, str]:
    """Say who this process is and what it is about to do."""
    return {"pid": str(os.getpid()), "host": socket.gethostname(), "user": _user(), "purpose": purpose}


def describe(said: Mapping[str, object]) -> str:
    """Say who holds a lock; where the writing is unreadable, that somebody does."""
    try:
        words = f"{said['purpose']} of {said['user']} on {said['host']}, process {said['pid']}, since {said['started']}"
    except (KeyError, TypeError):
        return "another process"
    return f"{words}, {said['run']}" if said.get("run") else words


def moment(at: float) -> str:
    """Write seconds since the epoch as RFC 3339 in UTC, whole seconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
