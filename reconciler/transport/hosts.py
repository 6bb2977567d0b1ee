"""Which hosts serve which API in which location, and which of them may see a token. Knows nothing of credentials."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Api

GOOGLE = "googleapis.com"
"""The universe domain that nobody has to name."""

_REGION = re.compile(r"[a-z]{1,20}(-[a-z]{1,20}){1,3}[0-9]{1,2}")
"""us-central1, northamerica-northeast1; other universes put a prefix before it. Nothing else gets into a host name."""

_UNIVERSE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


def host_of(api: Api, location: str, universe: str = GOOGLE) -> str:
    """Name the one host that serves an API for a location.

    Raises errors.BackendRefused where the location or the universe domain could not be part of a host's name.
    """
    if not api.region_host or location in ("", "global"):
        return host_in(universe, api.global_host)
    if location in api.multi_regions:
        return host_in(universe, api.multi_region_host, location)
    if not _REGION.fullmatch(location):
        raise errors.BackendRefused(
            f"{location!r} is not a Google Cloud location, so no host of {api.name} serves it",
            "write a region such as us-central1, or us, eu, global",
        )
    return host_in(universe, api.region_host, location)


def host_in(universe: str, pattern: str, location: str = "") -> str:
    """Fill a pattern such as `storage.{universe}`. Raises errors.BackendRefused for what is no universe domain."""
    if not _UNIVERSE.fullmatch(universe):
        raise errors.BackendRefused(f"{universe!r} is not a universe domain", f"the usual one is {GOOGLE}")
    return pattern.format(location=location, universe=universe)


def allowed_hosts(apis: Iterable[Api], locations: Iterable[str], universe: str = GOOGLE) -> frozenset[str]:
    """List every host that a token may be sent to: each API in each of the stack's locations, nothing else."""
    named = tuple(locations) or ("",)
    return frozenset(host_of(api, location, universe) for api in apis for location in named)


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
