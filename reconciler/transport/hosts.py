"""Which hosts serve which API in which location, and which of them may see a token. Knows nothing of credentials."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from reconciler.vocabulary import errors

GOOGLE = "googleapis.com"
"""The universe domain that nobody has to name."""

MULTI_REGIONS = frozenset({"us", "eu"})
"""Locations served by regional-endpoint (REP) hosts: discovery aiplatform v1 rev 20261106, `endpoints`."""

_REGION = re.compile(r"[a-z]{1,20}(-[a-z]{1,20}){1,3}[0-9]{1,2}")
"""us-central1, northamerica-northeast1; other universes put a prefix before it. Nothing else gets into a host name."""

_UNIVERSE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


def host_of(api_version: str, location: str, universe: str = GOOGLE) -> str:
    """Name the one host that serves an API such as `aiplatform.googleapis.com/v1` for a location.

    ml has a single host for jobs (its regional hosts serve predictions only: AI Platform regional-endpoints page).
    Raises errors.BackendRefused where the location or the universe domain could not be part of a host's name.
    """
    if not _UNIVERSE.fullmatch(universe):
        raise errors.BackendRefused(f"{universe!r} is not a universe domain", f"the usual one is {GOOGLE}")
    service = api_version.split("/", 1)[0].removesuffix(f".{GOOGLE}")
    if service == "ml":
        return f"ml.{universe}"
    if location in ("", "global"):
        return f"{service}.{universe}"
    if location in MULTI_REGIONS:
        return f"{service}.{location}.rep.{universe}"
    if not _REGION.fullmatch(location):
        raise errors.BackendRefused(
            f"{location!r} is not a Google Cloud location, so no host of {api_version} serves it",
            "write a region such as us-central1, or us, eu, global",
        )
    return f"{location}-{service}.{universe}"


def allowed_hosts(api_versions: Iterable[str], locations: Iterable[str], universe: str = GOOGLE) -> frozenset[str]:
    """List every host that a token may be sent to: each API in each of the stack's locations, nothing else."""
    places = tuple(locations)
    return frozenset(host_of(api, place, universe) for api in api_versions for place in places or ("",))


def is_loopback(host: str) -> bool:
    """Say whether a host name stands for this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split(url: str) -> SplitResult:
    """Cut a URL into its parts; raises errors.BackendRefused where it is none or carries a user name."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as broken:
        raise errors.BackendRefused(f"{url!r} is not a URL: {broken}") from broken
    if not parts.hostname or parts.username is not None or "\\" in url:
        raise errors.BackendRefused(f"{url!r} does not name a host plainly", "write it as https://HOST/PATH")
    return parts
