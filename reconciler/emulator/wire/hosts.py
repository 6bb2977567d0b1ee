"""Which of Google's hosts serves a location, as far as a request names one of them. It knows no job.

A request to any other host, loopback's above all, is served whatever its location: that is how the emulator is reached.
"""

from __future__ import annotations

import re

from reconciler.emulator.behaviour import Api, Hosts
from reconciler.emulator.wire import replies

_GOOGLE = ".googleapis.com"
_GLOBAL = "global"

# discovery aiplatform v1 rev 20261106: `endpoints`; the mtls form is that of Google's generated clients
_HOST = re.compile(
    r"(?:(?P<region>[a-z0-9-]+)-)?(?P<service>[a-z]+)"
    r"(?:\.mtls|\.(?P<multi>[a-z]+)\.rep(?:\.mtls)?)?\.googleapis\.com"
)


def location(host: str, hosts: Hosts) -> str | None:
    """Return the one location a host of Google's serves, empty for any; None where it does not serve the API at all."""
    if not host.endswith(_GOOGLE):
        return ""
    found = _HOST.fullmatch(host)
    if found is None or found["service"] != hosts.service:
        return None
    named = found["region"] or found["multi"] or ""
    known = hosts.multi_regions if found["multi"] else hosts.regions
    if named:
        return named if named in known else None
    return _GLOBAL if hosts.regions else ""


def serves(host: str, api: Api, asked: str, field: str) -> bool:
    """Say whether a host serves the API; raises Refusal (400) where it does so for another location than asked.

    `field` is what of the request holds the location. The words are recorded: kubeflow/pipelines#6011.
    """
    served = location(host, api.hosts)
    if served and asked != served:
        text = f"The provided location ID doesn't match the endpoint. The valid location ID is `{served}`."
        raise replies.invalid_fields(api.style, [(field, text)])
    return served is not None
