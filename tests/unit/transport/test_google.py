"""Where a token may go, and what happens where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from reconciler.files import schemas
from reconciler.transport import google, hosts
from reconciler.transport.http import HttpTransport, open_session
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Api
from reconciler.vocabulary.wire import Request, Response
from tests.support.loopback import Reply, serving

KINDS = schemas.load_kinds()
VERTEX, ML = KINDS["CustomJob"].api, KINDS["Job"].api


@pytest.mark.parametrize(
    ("api", "location", "universe", "host"),
    [
        (VERTEX, "us-central1", hosts.GOOGLE, "us-central1-aiplatform.googleapis.com"),
        (VERTEX, "northamerica-northeast1", hosts.GOOGLE, "northamerica-northeast1-aiplatform.googleapis.com"),
        (VERTEX, "us", hosts.GOOGLE, "aiplatform.us.rep.googleapis.com"),
        (VERTEX, "eu", hosts.GOOGLE, "aiplatform.eu.rep.googleapis.com"),
        (VERTEX, "global", hosts.GOOGLE, "aiplatform.googleapis.com"),
        (VERTEX, "u-france-east1", "s3nsapis.fr", "u-france-east1-aiplatform.s3nsapis.fr"),
        (ML, "", hosts.GOOGLE, "ml.googleapis.com"),
        (ML, "us-central1", hosts.GOOGLE, "ml.googleapis.com"),
    ],
)
def test_each_location_has_one_host(api: Api, location: str, universe: str, host: str) -> None:
    assert hosts.host_of(api, location, universe) == host


@pytest.mark.parametrize(
    "location", ["evil.example/", "x@evil", "us-central1.evil.example#", "US-CENTRAL1", "-", "us_1"]
)
def test_a_location_cannot_smuggle_a_host(location: str) -> None:
    with pytest.raises(errors.BackendRefused, match="not a Google Cloud location"):
        hosts.host_of(VERTEX, location)


@pytest.mark.parametrize("universe", ["", "evil", "evil.example/", "a..b", "googleapis.com:80"])
def test_a_universe_domain_must_be_a_domain(universe: str) -> None:
    with pytest.raises(errors.BackendRefused, match="universe"):
        hosts.host_of(VERTEX, "us-central1", universe)


def test_only_the_stacks_own_hosts_are_allowed() -> None:
    assert hosts.allowed_hosts([VERTEX, ML], ["us-central1", "eu"]) == {
        "us-central1-aiplatform.googleapis.com",
        "aiplatform.eu.rep.googleapis.com",
        "ml.googleapis.com",
    }
    assert hosts.allowed_hosts([ML], []) == {"ml.googleapis.com"}


class Fixed:
    """Credentials whose token counts its renewals."""

    def __init__(self) -> None:
        self.renewals = 0

    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer token-{self.renewals}"}

    def renew(self) -> None:
        self.renewals += 1


class Recorder:
    def __init__(self, *replies: Response) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return self.replies.pop(0)


ALLOWED = frozenset({"ml.googleapis.com"})


@pytest.mark.parametrize(
    "url",
    [
        "http://ml.googleapis.com/v1/x",
        "https://ml.googleapis.com.evil.example/v1/x",
        "https://evil.example/ml.googleapis.com",
        "https://ml.googleapis.com@evil.example/",
        "https://evil.example\\@ml.googleapis.com/",
        "https://ml.googleapis.com:8443/v1/x",
        "https://us-central1-aiplatform.googleapis.com/v1/x",
        "https://storage.googleapis.com/",
        "https://xml.googleapis.com/",
        "http://127.0.0.1:8080/v1/x",
        "ftp://ml.googleapis.com/",
        "//ml.googleapis.com/",
    ],
)
def test_a_token_goes_nowhere_else(url: str) -> None:
    recorder = Recorder()
    with pytest.raises(errors.BackendRefused):
        google.authorized(recorder, Fixed(), ALLOWED)(Request("GET", url))
    assert recorder.requests == []


def test_an_allowed_host_gets_the_token() -> None:
    recorder = Recorder(Response(200))
    google.authorized(recorder, Fixed(), ALLOWED)(Request("GET", "https://ml.googleapis.com/v1/x", {"accept": "a"}))
    assert recorder.requests[0].headers == {"accept": "a", "authorization": "Bearer token-0"}


def test_an_expired_token_is_renewed_once() -> None:
    recorder = Recorder(Response(401), Response(401))
    reply = google.authorized(recorder, Fixed(), ALLOWED)(Request("POST", "https://ml.googleapis.com/v1/x"))
    assert reply.status == 401
    assert [one.headers["authorization"] for one in recorder.requests] == ["Bearer token-0", "Bearer token-1"]


def test_a_redirect_does_not_take_the_token_along() -> None:
    with (
        serving(Reply()) as thief,
        serving(Reply(307, b"", {"location": thief.url})) as server,
        HttpTransport() as transport,
    ):
        reply = google.loopback(transport, "secret")(Request("GET", server.url))
    assert reply.status == 307
    assert server.requests[0].headers["authorization"] == "Bearer secret"
    assert thief.requests == []


@pytest.mark.parametrize(
    "url", ["http://localhost:1/v1", "http://127.0.0.1:1/v1", "http://127.9.9.9/v1", "http://[::1]:1/v1"]
)
def test_this_machine_gets_a_token_only_where_one_is_given(url: str) -> None:
    recorder = Recorder(Response(200), Response(200))
    google.loopback(recorder)(Request("GET", url))
    google.loopback(recorder, "given")(Request("GET", url))
    assert [one.headers.get("authorization") for one in recorder.requests] == [None, "Bearer given"]


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://[::2]/",
        "http://0.0.0.0/",
    ],
)
def test_another_machine_is_no_backend(url: str) -> None:
    recorder = Recorder()
    with pytest.raises(errors.BackendRefused, match="not on this machine"):
        google.loopback(recorder)(Request("GET", url))
    assert recorder.requests == []


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with open_session(1) as opened:
        yield opened


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Make google-auth look into empty places only."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "demo-project")  # otherwise google-auth asks a server for it
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    return monkeypatch


@pytest.mark.usefixtures("no_credentials")
def test_missing_credentials_name_the_way_out(session: requests.Session) -> None:
    with pytest.raises(errors.BackendRefused, match="no Google credentials") as caught:
        google.DefaultCredentials(session).headers()
    assert "gcloud auth application-default login" in caught.value.hint


def federated(tmp_path: Path, url: str, **more: str) -> str:
    """Write a workload identity federation file whose token exchange is a server of ours."""
    subject = tmp_path / "subject"
    subject.write_text("subject-token")
    path = tmp_path / "credentials.json"
    content = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{url}/v1/token",
        "credential_source": {"file": str(subject)},
        **more,
    }
    path.write_text(json.dumps(content))
    return str(path)


TOKEN = Reply(
    200,
    b'{"access_token": "fresh", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", '
    b'"token_type": "Bearer", "expires_in": 3600}',
    {"content-type": "application/json"},
)


def test_a_token_is_fetched_once_and_again_after_a_renewal(
    no_credentials: pytest.MonkeyPatch, session: requests.Session, tmp_path: Path
) -> None:
    with serving(TOKEN) as exchange:
        no_credentials.setenv("GOOGLE_APPLICATION_CREDENTIALS", federated(tmp_path, exchange.url))
        credentials = google.DefaultCredentials(session)
        assert credentials.headers()["authorization"] == "Bearer fresh"
        credentials.headers()
        assert len(exchange.requests) == 1
        credentials.renew()
        credentials.headers()
        assert len(exchange.requests) == 2


def test_a_refused_token_tells_no_secret(
    no_credentials: pytest.MonkeyPatch, session: requests.Session, tmp_path: Path
) -> None:
    with serving(Reply(400, b'{"error": "invalid_grant", "error_description": "no such pool"}')) as exchange:
        no_credentials.setenv("GOOGLE_APPLICATION_CREDENTIALS", federated(tmp_path, exchange.url))
        with pytest.raises(errors.BackendRefused, match="gave no token") as caught:
            google.DefaultCredentials(session).headers()
    assert "subject-token" not in caught.value.message


def test_an_unreachable_token_server_is_no_refusal(
    no_credentials: pytest.MonkeyPatch, session: requests.Session, tmp_path: Path
) -> None:
    with serving(Reply(raw=b"")) as exchange:
        no_credentials.setenv("GOOGLE_APPLICATION_CREDENTIALS", federated(tmp_path, exchange.url))
        with pytest.raises(errors.TransportFailed, match="no token could be fetched") as caught:
            google.DefaultCredentials(session).headers()
    assert caught.value.sent is False


def test_a_token_server_cannot_pass_the_exchange_on(
    no_credentials: pytest.MonkeyPatch, session: requests.Session, tmp_path: Path
) -> None:
    with serving(TOKEN) as thief, serving(Reply(307, b"", {"location": thief.url})) as exchange:
        no_credentials.setenv("GOOGLE_APPLICATION_CREDENTIALS", federated(tmp_path, exchange.url))
        with pytest.raises(errors.BackendRefused):
            google.DefaultCredentials(session).headers()
    assert thief.requests == []


def test_credentials_of_another_universe_are_not_used(
    no_credentials: pytest.MonkeyPatch, session: requests.Session, tmp_path: Path
) -> None:
    with serving(TOKEN) as exchange:
        path = federated(tmp_path, exchange.url, universe_domain="other.example")
        no_credentials.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
        with pytest.raises(errors.BackendRefused, match=r"belong to other\.example"):
            google.DefaultCredentials(session).headers()
    assert exchange.requests == []


def test_who_is_impersonated_must_be_an_account(session: requests.Session) -> None:
    with pytest.raises(errors.BackendRefused, match="not a service account"):
        google.DefaultCredentials(session, impersonate="evil.example/path")
