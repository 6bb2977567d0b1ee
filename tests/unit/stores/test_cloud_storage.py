"""Objects in a bucket: preconditions hold, lost replies are looked up, and every refusal names a way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import google.cloud.storage as storage
import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials

from reconciler.stores.cloud_storage import ATTEMPTS, Bucket
from reconciler.transport.http import HttpTransport
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response
from tests.support.cloud_storage import BUCKET, CloudStorage, serving
from tests.support.loopback import FakeClock
from tests.support.shelf import BASE

SAID = {"n": "1"}


def over(cloud: Any, attempts: int = ATTEMPTS) -> Bucket:
    return Bucket(cloud, FakeClock(), BUCKET, BASE, attempts)


def test_an_object_is_written_read_and_deleted_over_http() -> None:
    cloud = CloudStorage()
    with serving(cloud) as url, HttpTransport() as http:
        bucket = Bucket(http, FakeClock(), BUCKET, url)
        content = b'--part\r\n\r\n{"x": 1}\n\r\n'
        made = bucket.insert("a/b c~1", SAID, content)
        assert made is not None
        assert made == bucket.head("a/b c~1")
        assert (made.metadata, made.created, made.age) == (SAID, 1_800_000_000.25, -0.25)
        assert bucket.read("a/b c~1") == content
        assert bucket.delete("a/b c~1", made.generation)
        assert bucket.head("a/b c~1") is None


def test_a_second_insert_loses_and_changes_nothing() -> None:
    bucket = over(CloudStorage())
    first = bucket.insert("a", SAID, b"first")
    assert bucket.insert("a", SAID, b"second") is None
    assert (bucket.head("a"), bucket.read("a")) == (first, b"first")


def test_an_object_is_replaced_only_where_its_generation_is_the_one_named() -> None:
    bucket = over(CloudStorage())
    first = bucket.insert("a", SAID, b"first")
    assert first is not None
    second = bucket.insert("a", SAID, b"second", first.generation)
    assert second is not None
    assert bucket.insert("a", SAID, b"third", first.generation) is None
    assert bucket.read("a") == b"second"


def test_an_object_is_deleted_only_in_the_generation_named() -> None:
    bucket = over(CloudStorage())
    made = bucket.insert("a", SAID, b"")
    assert made is not None
    assert not bucket.delete("a", made.generation - 1)
    assert bucket.delete("a", made.generation)
    assert not bucket.delete("a", made.generation)


@pytest.mark.parametrize("how", ["drop", "503", "500", "408", "garbage", "drop after", "503 after", "garbage after"])
@pytest.mark.parametrize("generation", [0, 1])
@pytest.mark.parametrize("times", [1, 3])
def test_a_write_without_a_readable_reply_is_looked_up_and_done_once(how: str, generation: int, times: int) -> None:
    cloud = CloudStorage()
    bucket = over(cloud)
    before = bucket.insert("a", SAID, b"before") if generation else None
    cloud.fail(how, "insert", times=times)
    made = bucket.insert("a", SAID, b"mine", before.generation if before else 0)
    assert made is not None
    assert made == bucket.head("a")
    assert cloud.things["a"].content == b"mine"
    committed = cloud.generations - 1_700_000_000_000_000
    assert committed == (2 if generation else 1)


@pytest.mark.parametrize("how", ["drop", "503", "drop after", "503 after"])
@pytest.mark.parametrize("generation", [0, 1])
def test_a_write_whose_reply_is_lost_while_another_wins_is_a_lost_race(how: str, generation: int) -> None:
    cloud = CloudStorage()
    bucket = over(cloud)
    before = bucket.insert("a", SAID, b"before") if generation else None
    cloud.fail(how, "insert")

    def other(operation: str, name: str) -> None:
        if operation == "get":
            cloud.put("a", b"theirs", **SAID)

    cloud.before = other
    assert bucket.insert("a", SAID, b"mine", before.generation if before else 0) is None
    assert cloud.things["a"].content == b"theirs"


def test_a_late_first_request_cannot_undo_what_came_after_it() -> None:
    cloud = CloudStorage()
    late: list[Request] = []

    def slow(request: Request) -> Response:
        if request.method == "POST" and not late:
            late.append(request)
            raise errors.TransportFailed("timed out")
        return cloud(request)

    made = over(slow).insert("a", SAID, b"mine")
    assert cloud(late[0]).status == 412
    assert over(cloud).head("a") == made


def test_a_first_request_that_arrives_just_before_the_second_is_known_as_ours() -> None:
    cloud = CloudStorage()
    sent: list[Request] = []

    def late(request: Request) -> Response:
        sent.append(request)
        posts = [each for each in sent if each.method == "POST"]
        if request.method == "POST" and len(posts) == 1:
            raise errors.TransportFailed("timed out")
        if request.method == "POST":
            assert cloud(posts[0]).status == 200
        return cloud(request)

    made = over(late).insert("a", SAID, b"mine")
    assert made is not None
    assert made == over(cloud).head("a")


@pytest.mark.parametrize("how", ["drop after", "503 after", "garbage after"])
def test_a_write_that_may_be_sent_only_once_is_looked_up_too(how: str) -> None:
    cloud = CloudStorage()
    cloud.fail(how, "insert")
    bucket = over(cloud, attempts=1)
    made = bucket.insert("a", SAID, b"mine")
    assert made is not None
    assert made == bucket.head("a")


@pytest.mark.parametrize("how", ["drop", "503", "drop after", "503 after"])
def test_a_delete_without_a_reply_is_sent_again_until_it_is_known(how: str) -> None:
    cloud = CloudStorage()
    bucket = over(cloud)
    made = bucket.insert("a", SAID, b"")
    assert made is not None
    cloud.fail(how, "delete")
    assert bucket.delete("a", made.generation)
    assert cloud.names() == []


def test_a_service_that_goes_on_failing_ends_the_tries_and_is_named() -> None:
    cloud = CloudStorage()
    cloud.fail("503", "insert", times=99)
    cloud.fail("drop", "delete", times=99)
    clock = FakeClock()
    bucket = Bucket(cloud, clock, BUCKET, BASE)
    with pytest.raises(errors.StoreFailed, match=rf"cannot write gs://{BUCKET}/a: .*503"):
        bucket.insert("a", SAID, b"")
    assert clock.sleeps == [1, 2, 4, 8]
    with pytest.raises(errors.StoreFailed, match=r"cannot delete .*cut"):
        bucket.delete("a", 7)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_every_page_of_a_listing_is_read(count: int) -> None:
    cloud = CloudStorage(page_size=2)
    for number in range(count):
        cloud.put(f"in/{number}", b"x", n=str(number))
    cloud.put("in/", b"")  # what the console draws as a folder
    cloud.put("inside")
    found = list(over(cloud).listing("in/"))
    assert [item.name for item in found] == [f"in/{number}" for number in range(count)]
    assert [item.metadata for item in found] == [{"n": str(number)} for number in range(count)]


@pytest.mark.parametrize("page", [b"{}", b'{"items": []}', b'{"nextPageToken": ""}'])
def test_an_empty_page_is_an_empty_listing(page: bytes) -> None:
    assert list(over(lambda request: Response(200, {}, page)).listing("a/")) == []


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"items": 7}',
        b'{"items": [7]}',
        b'{"items": [{}]}',
        b'{"items": [{"name": "a", "generation": "x", "timeCreated": "2027-01-15T08:00:00Z"}]}',
        b'{"items": [{"name": "a", "generation": "1", "timeCreated": "now"}]}',
        b'{"items": [{"name": "a", "generation": "1", "timeCreated": "2027-01-15T08:00:00Z", "metadata": []}]}'[:-5]
        + b"[7]}]}",
        b'{"nextPageToken": "the same"}',
        b"[" * 100_000,
    ],
    ids=range(11),
)
def test_a_reply_that_is_not_the_services_is_an_error_and_never_an_empty_listing(page: bytes) -> None:
    with pytest.raises(errors.StoreFailed, match=f"cannot list gs://{BUCKET}/a/"):
        list(over(lambda request: Response(200, {}, page)).listing("a/"))


def test_a_listing_whose_second_page_fails_is_an_error() -> None:
    cloud = CloudStorage(page_size=1)
    cloud.put("a/1")
    cloud.put("a/2")
    cloud.fail("403", "list", skip=1)
    with pytest.raises(errors.StoreFailed, match="403"):
        list(over(cloud).listing("a/"))


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        (401, {"error": {"message": "Invalid Credentials"}}, "gcloud auth"),
        (403, {"error": {"message": "x does not have storage.objects.list access"}}, "roles/storage.objectUser on gs:"),
        (403, {"error": {"message": "Object is subject to bucket's retention policy"}}, "without a retention policy"),
        (404, {"error": {"message": "The specified bucket does not exist."}}, f"create the bucket gs://{BUCKET}"),
        (404, "<html>", f"create the bucket gs://{BUCKET}"),
        (302, "", "redirects"),
        (429, {"error": {"message": "slow down"}}, "in a moment"),
        (400, {"error": "odd"}, "spec.store"),
    ],
)
@pytest.mark.parametrize("operation", ["insert", "head", "read", "listing", "delete"])
def test_a_refusal_names_the_place_and_the_way_out(status: int, body: Any, hint: str, operation: str) -> None:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    bucket = over(lambda request: Response(status, {}, content))
    calls: dict[str, Callable[[], object]] = {
        "insert": lambda: bucket.insert("a", SAID, b""),
        "head": lambda: bucket.head("a"),
        "read": lambda: bucket.read("a"),
        "listing": lambda: list(bucket.listing("a")),
        "delete": lambda: bucket.delete("a", 1),
    }
    with pytest.raises(errors.StoreFailed) as caught:
        calls[operation]()
    assert f"gs://{BUCKET}/a" in caught.value.message
    assert str(status) in caught.value.message
    assert hint in caught.value.hint


def test_a_read_that_gets_no_reply_is_the_stores_failure() -> None:
    cloud = CloudStorage()
    cloud.fail("drop", "get")
    with pytest.raises(errors.StoreFailed, match=r"cannot look at .*cut"):
        over(cloud).head("a")


def test_an_object_that_went_away_between_listing_and_reading_is_named() -> None:
    with pytest.raises(errors.StoreFailed, match="No such object") as caught:
        over(CloudStorage()).read("a")
    assert "meanwhile" in caught.value.hint


def test_a_credential_refused_before_sending_stays_what_it_is() -> None:
    def refusing(request: Request) -> Response:
        raise errors.BackendRefused("must not see credentials")

    with pytest.raises(errors.BackendRefused):
        over(refusing).insert("a", SAID, b"")


def test_googles_own_client_finds_the_stand_in_to_behave_like_the_service() -> None:
    cloud = CloudStorage(page_size=2)
    with serving(cloud) as url, requests.Session() as session:
        client = storage.Client("demo", AnonymousCredentials(), _http=session, client_options={"api_endpoint": url})
        bucket = client.bucket(BUCKET)
        for name in ("in/a", "in/b", "in/c"):
            blob = bucket.blob(name)
            blob.metadata = {"n": name}
            blob.upload_from_string(b"content", if_generation_match=0, retry=None, checksum=None)
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.blob("in/a").upload_from_string(b"x", if_generation_match=0, retry=None, checksum=None)
        found = {blob.name: blob for blob in client.list_blobs(BUCKET, prefix="in/", retry=None)}
        assert {name: blob.metadata for name, blob in found.items()} == {name: {"n": name} for name in found}
        assert sorted(found) == ["in/a", "in/b", "in/c"]
        ours = list(Bucket(cloud, FakeClock(), BUCKET, BASE).listing("in/"))
        assert [item.generation for item in ours] == [found[item.name].generation for item in ours]
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.blob("in/a").delete(if_generation_match=1, retry=None)
        with pytest.raises(exceptions.NotFound):
            client.bucket("other").blob("x").reload(retry=None)
        assert bucket.blob("in/d").exists(retry=None) is False
