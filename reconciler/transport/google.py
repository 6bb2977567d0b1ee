"""Adds credentials to requests, and sends none where they must not go. Knows hosts and tokens, nothing of jobs."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.transport import hosts
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response, Transport

if TYPE_CHECKING:
    import requests

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""On every method of both APIs (discovery aiplatform v1 rev 20261106, ml v1 rev 20251213)."""

LOGIN = "gcloud auth application-default login"

_ACCOUNT = re.compile(r"[a-zA-Z0-9._-]+@[a-zA-Z0-9.-]+")


class Credentials(Protocol):
    """Where the headers that identify the caller come from."""

    def headers(self) -> Mapping[str, str]:
        """Return headers with lower-case names. Raises errors.BackendRefused or errors.TransportFailed."""

    def renew(self) -> None:
        """Throw away what `headers` returned last: the service did not take it."""


def authorized(transport: Transport, credentials: Credentials, allowed: frozenset[str]) -> Transport:
    """Wrap a transport so that requests carry credentials, over https and to the `allowed` hosts only.

    Anything else raises errors.BackendRefused before a byte is sent. A 401 renews the credentials and sends once
    more: it says that nothing was carried out.
    """

    def send(request: Request) -> Response:
        _check(request.url, allowed)
        reply = transport(_with(request, credentials.headers()))
        if reply.status != 401:
            return reply
        credentials.renew()
        return transport(_with(request, credentials.headers()))

    return send


def loopback(transport: Transport, token: str = "") -> Transport:
    """Wrap a transport so that it reaches this machine only; a token, where there is one, goes along as a bearer."""

    def send(request: Request) -> Response:
        parts = hosts.split(request.url)
        if not hosts.is_loopback(parts.hostname or "") or parts.scheme not in ("http", "https"):
            raise errors.BackendRefused(
                f"{parts.scheme}://{parts.netloc} is not on this machine",
                "spec.backend takes embedded, google, or http://127.0.0.1:PORT",
            )
        return transport(_with(request, {"authorization": f"Bearer {token}"}) if token else request)

    return send


def _check(url: str, allowed: frozenset[str]) -> None:
    parts = hosts.split(url)
    if parts.scheme != "https" or parts.hostname not in allowed or parts.port not in (None, 443):
        names = ", ".join(sorted(allowed))
        raise errors.BackendRefused(
            f"{parts.scheme}://{parts.netloc} must not see credentials, only these over https: {names}",
            "the hosts follow from the stack's kinds and scopes; a job elsewhere needs its location in spec.scopes",
        )


def _with(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers={**request.headers, **headers})


class DefaultCredentials:
    """Application Default Credentials as google-auth finds them, optionally impersonating a service account.

    Thread-safe. `session` carries the token requests; it is the caller's to close. `universe` must be the domain the
    credentials belong to, otherwise nothing is handed out.
    """

    def __init__(self, session: requests.Session, impersonate: str = "", universe: str = hosts.GOOGLE) -> None:
        if impersonate and not _ACCOUNT.fullmatch(impersonate):
            raise errors.BackendRefused(
                f"{impersonate!r} is not a service account", "write it as NAME@PROJECT.iam.gserviceaccount.com"
            )
        self._session = session
        self._impersonate = impersonate
        self._universe = universe
        self._guard = threading.Lock()
        self._found: Any = None
        self._stale = False

    def headers(self) -> Mapping[str, str]:
        """Return the authorization and quota-project headers, with a token that is still good for minutes."""
        with self._guard:
            return self._fresh_headers()

    def renew(self) -> None:
        """Fetch a new token on the next call, however long the present one claims to live."""
        with self._guard:
            self._stale = True

    def _fresh_headers(self) -> Mapping[str, str]:
        import google.auth.transport.requests
        from google.auth import exceptions

        ask: Any = google.auth.transport.requests.Request(self._session)
        try:
            if self._found is None:
                self._found = self._find(ask)
            if self._stale or not self._found.valid:
                self._found.refresh(ask)
                self._stale = False
            headers: dict[str, str] = {}
            self._found.apply(headers)
        except exceptions.DefaultCredentialsError as missing:
            raise errors.BackendRefused("no Google credentials were found", _way_out()) from missing
        except exceptions.GoogleAuthError as failure:
            raise _explained(failure, exceptions.TransportError) from failure
        return {name.lower(): value for name, value in headers.items()}

    def _find(self, ask: Any) -> Any:
        import google.auth
        from google.auth import impersonated_credentials

        library: Any = google.auth
        found, _ = library.default(scopes=[SCOPE], request=ask)
        if self._impersonate:
            build: Any = impersonated_credentials.Credentials
            found = build(source_credentials=found, target_principal=self._impersonate, target_scopes=[SCOPE])
        domain = getattr(found, "universe_domain", hosts.GOOGLE)
        if domain != self._universe:
            raise errors.BackendRefused(
                f"the credentials belong to {domain}, the requests would go to {self._universe}",
                "give the universe domain of the credentials on the command line",
            )
        return found


def _way_out() -> str:
    return f"run `{LOGIN}`, or set GOOGLE_APPLICATION_CREDENTIALS to a credential file"


def _explained(failure: Any, unreachable: type[Exception]) -> errors.ReconcilerError:
    """Name what google-auth ran into. Only its sentence is kept: the rest of a reply might hold a secret."""
    sentence = str(failure.args[0])[:500] if failure.args else type(failure).__name__
    if failure.retryable or isinstance(failure, unreachable):
        return errors.TransportFailed(f"no token could be fetched: {sentence}", "try again in a moment", sent=False)
    return errors.BackendRefused(f"the Google credentials gave no token: {sentence}", _way_out())
