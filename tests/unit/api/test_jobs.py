"""The job methods: what is sent, and what is made of the replies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.api.endpoints import Endpoints
from reconciler.api.jobs import MOST_EMPTY_PAGES, HttpJobs
from reconciler.transport.http import HttpTransport
from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.wire import Response
from tests.support.loopback import FakeClock, Reply, serving
from tests.unit.api.sample import CUSTOM_JOB, JOB, ML, ML_JOB, PROJECT, SCOPE, Scripted, failed, reply

COLLECTION = "projects/demo-project/locations/us-central1/customJobs"
OPERATION = "projects/987/locations/us-central1/operations/1"


def jobs(*answers: Response | errors.ReconcilerError) -> tuple[HttpJobs, Scripted, FakeClock]:
    transport, clock = Scripted(*answers), FakeClock()
    return HttpJobs(transport, Endpoints("embedded"), clock), transport, clock


def page(*ids: int, token: str = "") -> Response:
    rows = [{"name": f"{COLLECTION}/{one}"} for one in ids]
    return reply(({"customJobs": rows} if rows else {}) | ({"nextPageToken": token} if token else {}))


def ids(pages: list[tuple[ports.Row, ...]]) -> list[list[int]]:
    return [[int(row["name"].rpartition("/")[2]) for row in rows] for rows in pages]


def test_the_port_is_implemented_in_full() -> None:
    api: ports.JobsApi = jobs(reply({}))[0]
    assert list(api.list(CUSTOM_JOB, SCOPE, "")) == [()]


def test_a_list_is_read_to_its_end_with_the_same_query() -> None:
    api, transport, _ = jobs(page(1, 2, token="a/+="), page(token="b"), page(3), page(1, 2, 3))
    assert ids(list(api.list(CUSTOM_JOB, SCOPE, 'labels.x="y"', ("name", "labels")))) == [[1, 2], [], [3]]
    query = "pageSize=100&filter=labels.x%3D%22y%22&readMask=name%2Clabels"
    assert transport.lines == [
        f"GET {COLLECTION}?{query}",
        f"GET {COLLECTION}?{query}&pageToken=a%2F%2B%3D",
        f"GET {COLLECTION}?{query}&pageToken=b",
        f"GET {COLLECTION}?pageSize=1000&filter=labels.x%3D%22y%22&readMask=name",
    ]


def test_a_list_of_one_page_is_read_once() -> None:
    api, transport, _ = jobs(page(1, 2))
    assert ids(list(api.list(CUSTOM_JOB, SCOPE, "", ("name",)))) == [[1, 2]]
    assert len(transport.requests) == 1


def test_rows_that_moved_ahead_of_the_reader_are_fetched_until_none_is_new() -> None:
    moved = reply({"name": f"{COLLECTION}/9", "state": "JOB_STATE_RUNNING"})
    api, transport, _ = jobs(page(1, token="a"), page(2), page(9, 1, 2), moved, page(9, 1, 2))
    assert ids(list(api.list(CUSTOM_JOB, SCOPE, "", ("name",)))) == [[1], [2], [9]]
    assert transport.lines[3] == f"GET {COLLECTION}/9"


def test_a_row_that_moved_and_is_gone_is_left_out() -> None:
    api, _, _ = jobs(page(1, token="a"), page(2), page(9, 1, 2), failed(404, "NOT_FOUND"), page(1, 2))
    assert ids(list(api.list(CUSTOM_JOB, SCOPE, "", ("name",)))) == [[1], [2], []]


def unreachable(*names: str, token: str = "") -> Response:
    return reply({"unreachable": list(names)} | ({"nextPageToken": token} if token else {}))


def test_a_list_is_read_to_its_end_before_it_is_called_incomplete() -> None:
    api, transport, _ = jobs(page(1, token="a"), unreachable("b", "a", token="b"), page(2))
    with pytest.raises(errors.ListIncomplete, match="could not reach a, b"):
        list(api.list(CUSTOM_JOB, SCOPE, "", ("name",)))
    assert len(transport.requests) == 3


def test_the_pages_before_a_gap_are_handed_out() -> None:
    api, _, _ = jobs(page(1, token="a"), unreachable("x"))
    pages = api.list(CUSTOM_JOB, SCOPE, "")
    assert ids([next(pages), next(pages)]) == [[1], []]
    with pytest.raises(errors.ListIncomplete):
        next(pages)


def test_of_many_places_without_an_answer_some_are_named() -> None:
    api, _, _ = jobs(unreachable(*"gfedcba"))
    with pytest.raises(errors.ListIncomplete, match="a, b, c, d, e and 2 more"):
        list(api.list(CUSTOM_JOB, SCOPE, ""))


@pytest.mark.parametrize("value", [None, []])
def test_a_list_that_reached_everything_has_no_gap(value: Any) -> None:
    api, _, _ = jobs(reply({"unreachable": value}))
    assert list(api.list(CUSTOM_JOB, SCOPE, "")) == [()]


@pytest.mark.parametrize("value", ["projects/p", {"a": 1}, [1], [None], 7])
def test_a_gap_that_cannot_be_read_is_no_reply(value: Any) -> None:
    api, _, _ = jobs(reply({"unreachable": value}))
    with pytest.raises(errors.TransportFailed, match="unreachable"):
        list(api.list(CUSTOM_JOB, SCOPE, ""))


def test_a_list_that_never_comes_to_rest_is_an_error() -> None:
    numbers = iter(range(1000))
    api = HttpJobs(
        lambda request: page(next(numbers), token="" if "pageToken" in request.url else "a"),
        Endpoints("embedded"),
        FakeClock(),
    )
    with pytest.raises(errors.ApiError, match="faster than it can be read"):
        list(api.list(CUSTOM_JOB, SCOPE, ""))


def test_pages_are_read_only_when_asked_for() -> None:
    api, transport, _ = jobs(page(1, token="a"), page(2))
    next(iter(api.list(CUSTOM_JOB, SCOPE, "")))
    assert len(transport.requests) == 1


def test_rows_that_moved_to_a_later_page_are_shown_once() -> None:
    api, _, _ = jobs(page(1, 2, 2, token="a"), page(2, 3))
    assert ids(list(api.list(CUSTOM_JOB, SCOPE, ""))) == [[1, 2], [3]]


def test_rows_of_ml_are_told_apart_by_their_id() -> None:
    api, _, _ = jobs(reply({"jobs": [{"jobId": "a"}, {"jobId": "b"}, {"jobId": "a"}]}))
    assert list(api.list(ML_JOB, PROJECT, "")) == [({"jobId": "a"}, {"jobId": "b"})]


def test_a_refused_mask_is_dropped() -> None:
    api, transport, _ = jobs(failed(400, "INVALID_ARGUMENT"), page(1, token="a"), page(2), page(1, 2))
    assert ids(list(api.list(CUSTOM_JOB, SCOPE, "f", ("name",)))) == [[1], [2]]
    assert ["readMask" in line for line in transport.lines] == [True, False, False, False]


def test_a_refused_filter_stays_an_error() -> None:
    api, transport, _ = jobs(failed(400, "INVALID_ARGUMENT"))
    with pytest.raises(errors.InvalidRequest):
        list(api.list(CUSTOM_JOB, SCOPE, "f", ("name",)))
    assert len(transport.requests) == 2


def test_a_page_refused_later_is_not_read_from_the_start() -> None:
    api, _, _ = jobs(page(1, token="a"), failed(400, "INVALID_ARGUMENT"))
    with pytest.raises(errors.InvalidRequest):
        list(api.list(CUSTOM_JOB, SCOPE, "f", ("name",)))


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("after", [0, 1])
def test_a_failed_list_is_never_an_empty_one(status: int, after: int) -> None:
    api, _, _ = jobs(*[page(1, token="a")] * after, failed(status, ""))
    with pytest.raises(errors.ApiError):
        list(api.list(CUSTOM_JOB, SCOPE, ""))


def test_a_repeated_page_token_is_an_error() -> None:
    api, transport, _ = jobs(page(1, token="a"), page(2, token="b"), page(3, token="a"))
    with pytest.raises(errors.ApiError, match="does not end"):
        list(api.list(CUSTOM_JOB, SCOPE, ""))
    assert len(transport.requests) == 3


def test_empty_pages_do_not_go_on_for_ever() -> None:
    numbers = iter(range(1, 10 * MOST_EMPTY_PAGES))
    api = HttpJobs(lambda _: page(token=str(next(numbers))), Endpoints("embedded"), FakeClock())
    with pytest.raises(errors.ApiError, match="does not end"):
        list(api.list(CUSTOM_JOB, SCOPE, ""))
    assert next(numbers) == MOST_EMPTY_PAGES + 1


@pytest.mark.parametrize(
    "body",
    [
        {"customJobs": {}},
        {"customJobs": [1]},
        {"customJobs": None},
        {"customJobs": [{"labels": {}}]},
        {"customJobs": [{"name": 7}]},
        {"nextPageToken": 7},
    ],
)
def test_a_list_of_another_shape_is_an_error(body: Any) -> None:
    api, _, _ = jobs(reply(body))
    with pytest.raises(errors.TransportFailed):
        list(api.list(CUSTOM_JOB, SCOPE, ""))


def test_get_reads_a_job_by_its_own_name() -> None:
    api, transport, _ = jobs(reply({"name": JOB, "n": "9007199254740993"}))
    assert api.get(CUSTOM_JOB, JOB) == {"name": JOB, "n": "9007199254740993"}
    assert transport.lines == [f"GET {JOB}"]
    assert transport.requests[0].headers == {"accept": "application/json"}


def test_create_posts_the_job_itself() -> None:
    api, transport, _ = jobs(reply({"name": JOB}))
    assert api.create(CUSTOM_JOB, SCOPE, {"displayName": "ü"}) == {"name": JOB}
    [sent] = transport.requests
    assert transport.lines == [f"POST {COLLECTION}"]
    assert (json.loads(sent.body), sent.headers["content-type"]) == ({"displayName": "ü"}, "application/json")


@pytest.mark.parametrize(
    "answer", [failed(503, "UNAVAILABLE"), Response(200, {}, b"<html>"), errors.TransportFailed("cut")]
)
def test_create_is_sent_once_whatever_comes_back(answer: Response | errors.ReconcilerError) -> None:
    api, transport, _ = jobs(answer)
    with pytest.raises((errors.ServerFailed, errors.TransportFailed)):
        api.create(CUSTOM_JOB, SCOPE, {})
    assert len(transport.requests) == 1


@pytest.mark.parametrize("name", ["../../x\x1b[31m", JOB.replace("customJobs", "nasJobs"), JOB.replace("us-", "eu-")])
def test_a_create_whose_reply_names_no_job_of_that_place_may_have_been_carried_out(name: str) -> None:
    api, _, _ = jobs(reply({"name": name}))
    with pytest.raises(errors.TransportFailed, match="the reply is") as raised:
        api.create(CUSTOM_JOB, SCOPE, {})
    assert raised.value.sent


@pytest.mark.parametrize("body", [b"", b"{}\n", b"whatever"])
def test_cancel_posts_nothing_and_reads_nothing(body: bytes) -> None:
    api, transport, _ = jobs(Response(200, {}, body))
    api.cancel(CUSTOM_JOB, JOB)
    assert transport.lines == [f"POST {JOB}:cancel"]
    assert transport.requests[0].body == b""


def test_a_delete_that_is_done_at_once_is_not_polled() -> None:
    api, transport, clock = jobs(reply({"name": OPERATION, "done": True, "response": {}}))
    api.delete(CUSTOM_JOB, JOB)
    assert (transport.lines, clock.sleeps) == ([f"DELETE {JOB}"], [])


def test_an_unfinished_delete_is_polled_by_the_name_it_was_given() -> None:
    unfinished = reply({"name": OPERATION})
    api, transport, clock = jobs(*[unfinished] * 10, reply({"name": OPERATION, "done": True}))
    api.delete(CUSTOM_JOB, JOB)
    assert transport.lines == [f"DELETE {JOB}", *[f"GET {OPERATION}"] * 10]
    assert clock.sleeps[:4] == [1.0, 1.5, 2.25, 3.375]
    assert max(clock.sleeps) == 20


def test_an_operation_that_failed_raises_its_error() -> None:
    api, _, _ = jobs(reply({"name": OPERATION, "done": True, "error": {"code": 9, "message": "it is running"}}))
    with pytest.raises(errors.FailedPrecondition, match="it is running"):
        api.delete(CUSTOM_JOB, JOB)


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([reply({"name": OPERATION})], "not done after 15 minutes"),
        ([reply({"name": OPERATION}), failed(404, "NOT_FOUND")], "vanished"),
        ([reply({})], "no operation"),
        ([reply({"name": 7})], "no operation"),
    ],
)
def test_a_delete_whose_end_is_unknown_is_neither_done_nor_undone(answers: list[Response], why: str) -> None:
    api, _, clock = jobs(*answers)
    with pytest.raises(errors.TransportFailed, match=why):
        api.delete(CUSTOM_JOB, JOB)
    assert sum(clock.sleeps) <= 920


@pytest.mark.parametrize("name", ["../secrets", "https://evil.example/x", "a?b", ""])
def test_an_operations_name_cannot_lead_elsewhere(name: str) -> None:
    api, transport, _ = jobs(reply({"name": name}))
    with pytest.raises((errors.InvalidRequest, errors.TransportFailed)):
        api.delete(CUSTOM_JOB, JOB)
    assert len(transport.requests) == 1


def test_labels_are_replaced_only_while_the_etag_holds() -> None:
    api, transport, _ = jobs(reply({"jobId": "train_1"}))
    api.patch_labels(ML_JOB, ML, {"a": "b"}, "OV+7GvFpbq0=")
    assert transport.lines == [f"PATCH {ML}?updateMask=labels%2Cetag"]
    assert json.loads(transport.requests[0].body) == {"labels": {"a": "b"}, "etag": "OV+7GvFpbq0="}


def test_labels_are_not_replaced_blindly() -> None:
    api, transport, _ = jobs(reply({}))
    with pytest.raises(errors.FailedPrecondition, match="etag"):
        api.patch_labels(ML_JOB, ML, {"a": "b"}, "")
    assert transport.requests == []


def test_a_policy_is_read_with_its_conditions_and_written_whole() -> None:
    policy = {"version": 3, "bindings": [], "etag": "ACAB"}
    api, transport, _ = jobs(reply(policy))
    assert api.get_iam_policy(ML_JOB, ML) == policy
    assert api.set_iam_policy(ML_JOB, ML, policy) == policy
    assert transport.lines == [
        f"GET {ML}:getIamPolicy?options.requestedPolicyVersion=3",
        f"POST {ML}:setIamPolicy",
    ]
    assert json.loads(transport.requests[1].body) == {"policy": policy}


@pytest.mark.parametrize(("body", "held"), [({}, ()), ({"permissions": ["b", "x", 7]}, ("b",))])
def test_permissions_held_are_those_asked_for(body: Any, held: tuple[str, ...]) -> None:
    api, transport, _ = jobs(reply(body))
    assert api.test_iam_permissions(ML_JOB, ML, ["a", "b"]) == held
    assert json.loads(transport.requests[0].body) == {"permissions": ["a", "b"]}


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.delete(ML_JOB, ML),
        lambda api: api.patch_labels(CUSTOM_JOB, JOB, {}, ""),
        lambda api: api.get_iam_policy(CUSTOM_JOB, JOB),
        lambda api: api.set_iam_policy(CUSTOM_JOB, JOB, {}),
        lambda api: api.test_iam_permissions(CUSTOM_JOB, JOB, []),
    ],
)
def test_a_method_the_kind_has_not_is_not_called(call: Callable[[HttpJobs], Any]) -> None:
    api, transport, _ = jobs(reply({}))
    with pytest.raises(errors.InvalidRequest, match="has no"):
        call(api)
    assert transport.requests == []


@pytest.mark.parametrize(("kind", "other"), [(CUSTOM_JOB, ML), (ML_JOB, JOB)])
def test_a_resource_of_another_kind_is_not_touched(kind: Kind, other: str) -> None:
    api, transport, _ = jobs(reply({}))
    with pytest.raises(errors.InvalidRequest):
        api.cancel(kind, other)
    assert transport.requests == []


def test_it_works_over_a_real_connection() -> None:
    first = b'{"customJobs": [{"name": "projects/1/locations/us-central1/customJobs/5"}], "nextPageToken": "t"}'
    with serving(Reply(200, first), Reply(200, b"{}\n")) as server, HttpTransport() as transport:
        api = HttpJobs(transport, Endpoints(server.url), FakeClock())
        pages = list(api.list(CUSTOM_JOB, SCOPE, 'labels.a="b"'))
    assert ids(pages) == [[5], []]
    assert server.requests[1].url == f"/v1/{COLLECTION}?pageSize=100&filter=labels.a%3D%22b%22&pageToken=t"


def test_a_body_that_is_no_json_is_a_mistake_of_ours() -> None:
    api, transport, _ = jobs(reply({}))
    with pytest.raises(ValueError, match="JSON"):
        api.create(CUSTOM_JOB, SCOPE, {"x": float("nan")})
    assert transport.requests == []


@pytest.mark.parametrize("labels", ["x", ["x"], {"reconciler_name": 5}, {"reconciler_name": None}])
def test_a_row_whose_labels_are_no_map_of_texts_is_no_reply(labels: Any) -> None:
    name = f"{COLLECTION}/1"
    row = {"name": name, "labels": labels}
    with pytest.raises(errors.TransportFailed, match="labels"):
        list(jobs(reply({"customJobs": [row]}))[0].list(CUSTOM_JOB, SCOPE, ""))
    with pytest.raises(errors.TransportFailed, match="labels"):
        jobs(reply(row))[0].get(CUSTOM_JOB, name)


@pytest.mark.parametrize("row", [{}, {"name": f"{COLLECTION}/2"}, {"name": 1}])
def test_a_get_that_answers_with_another_job_is_no_reply(row: dict[str, Any]) -> None:
    with pytest.raises(errors.TransportFailed, match="another job's"):
        jobs(reply(row))[0].get(CUSTOM_JOB, f"{COLLECTION}/1")
