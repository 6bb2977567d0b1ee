"""Who may talk to the server, by the host a request names and the page it comes from. It reads no path and no body.

A browser lets any web page send requests to loopback, under the page's own host where its name was rebound to 127.0.0.1.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from reconciler.emulator.wire import replies
from reconciler.vocabulary.wire import Response

_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]*)?")

_STOOD_IN_FOR = ".googleapis.com"
"""Names under it can be rebound by Google alone, and callers that test hosts send them."""


class AllowedHosts:
    """The names a server goes by: loopback's, the address it is bound to, those given, and Google's for the APIs."""

    def __init__(self, address: str, names: Iterable[str] = ()) -> None:
        """Let in `names` too; behind the wildcard address any IP address is the server's own."""
        self._names = frozenset(name.lower().rstrip(".") for name in (address, *names))
        found = _ip(address)
        self._any_address = found is not None and found.is_unspecified

    def refuses(self, headers: Mapping[str, str], version: str = "1.1") -> Response | None:
        """Return the answer to a request that may not pass, None for one that may. Header names are lower-case.

        421: the host is not this server. 403: a web page of another site asked (requests of clients carry no Origin).
        400: no host at all, which HTTP/1.1 demands.
        """
        host = headers.get("host")
        if host is None and version != "1.0":
            return _refused(400, "INVALID_ARGUMENT", "The request has no Host header.")
        name = _name(host) if host is not None else "localhost"
        if not self._is_own(name) and not name.endswith(_STOOD_IN_FOR):
            text = f"This server does not answer for the host `{host}`. Use localhost, or start it with --allow-host."
            return _refused(421, "FAILED_PRECONDITION", text)
        origin = headers.get("origin")
        if origin is not None and not self._is_own(_origin(origin)):
            return _refused(403, "PERMISSION_DENIED", f"Web pages of `{origin}` may not use this server.")
        return None

    def _is_own(self, name: str) -> bool:
        if name in self._names or name == "localhost" or name.endswith(".localhost"):
            return True
        return is_loopback(name) or (self._any_address and _ip(name) is not None)


def is_loopback(address: str) -> bool:
    """Say whether an address can be reached from this machine alone."""
    found = _ip(address)
    return found is not None and found.is_loopback


def _name(host: str) -> str:
    """Return the name or address in a Host header, empty where it is malformed."""
    found = _HOST.fullmatch(host.strip())
    return (found["six"] or found["name"]).lower().rstrip(".") if found else ""


def _origin(text: str) -> str:
    """Return the host of an Origin; a page without one says `null` and has none."""
    try:
        return (urlsplit(text).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _refused(status: int, reason: str, message: str) -> Response:
    return replies.written(status, {"error": {"code": status, "message": message, "status": reason}})
