"""What is particular to a store in a bucket: its names, its listings, and what people leave there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.transport.http import HttpTransport
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import Removal, Scope
from reconciler.vocabulary.ports import Intent
from reconciler.vocabulary.wire import Request, Response
from tests.support.cloud_storage import CloudStorage, serving
from tests.support.shelf import BucketShelf
from tests.unit.stores.test_ledger import RUN

DIGEST = "sha256:" + "d" * 64
STARTED = f"ledger/CustomJob/train-mnist/{RUN.run_key}.started"


def test_the_ledgers_objects_say_in_name_and_metadata_what_a_plan_needs(bucket: BucketShelf) -> None:
    store = bucket.store()
    store.ledger.started(RUN)
    store.ledger.ended(replace(RUN, token="t0"), Phase.FAILED)
    started, ended = (bucket.cloud.things[f"{bucket.prefix}{STARTED.removesuffix('started')}{event}"].metadata
                      for event in ("started", "ended"))  # fmt: skip
    said = {"n": "2", "fingerprint": RUN.fingerprint, "removal": "ask"}
    assert {key: started[key] for key in started if key != "content"} == said
    assert {key: ended[key] for key in ended if key != "content"} == {**said, "token": "t0", "phase": "FAILED"}


def test_one_listing_answers_the_whole_ledger(bucket: BucketShelf) -> None:
    store = bucket.store()
    for number in range(1, 8):
        store.ledger.started(replace(RUN, number=number, run_key=f"{number}-x"))
        store.ledger.removal_changed(replace(RUN, number=number, run_key=f"{number}-x"), Removal.KEEP)
    before = len(bucket.cloud.seen)
    assert {(run.resource, run.removal) for run in store.ledger.runs()} == {(RUN.resource, Removal.KEEP)}
    assert {operation for operation, _ in bucket.cloud.seen[before:]} == {"list"}


def test_a_start_too_long_for_the_metadata_is_read(bucket: BucketShelf) -> None:
    long = replace(RUN, resource="projects/" + "x" * 5000)
    bucket.store().ledger.started(long)
    assert bucket.store().ledger.runs() == (long,)


def test_runners_with_different_outcomes_agree_on_the_first(bucket: BucketShelf) -> None:
    bucket.store().ledger.ended(RUN, Phase.FAILED)
    bucket.store().ledger.ended(replace(RUN, removal=Removal.DELETE), Phase.SUCCEEDED)
    assert [(run.phase, run.removal) for run in bucket.store().ledger.runs()] == [(Phase.FAILED, Removal.ASK)]


@pytest.mark.parametrize(
    ("name", "metadata"),
    [
        ("ledger/2-x.started", {}),
        (STARTED, {}),
        (STARTED, {"n": "two", "fingerprint": "v1-a", "removal": "ask"}),
        (STARTED, {"n": "2", "fingerprint": "v1-a", "removal": "perhaps"}),
        (STARTED, {"n": "2", "fingerprint": "v1 a", "removal": "ask"}),
        (STARTED, {"n": "3", "fingerprint": "v1-a", "removal": "ask"}),
        (STARTED, {"n": "2", "fingerprint": "v1-a", "removal": "ask", "content": "{"}),
        (STARTED, {"n": "2", "fingerprint": "v1-a", "removal": "ask"}),
    ],
)
def test_an_object_that_looks_like_ours_and_contradicts_itself_is_named(
    bucket: BucketShelf, name: str, metadata: dict[str, str]
) -> None:
    bucket.cloud.put(bucket.prefix + name, b"", **metadata)
    with pytest.raises(errors.StoreFailed) as caught:
        bucket.store().ledger.runs()
    assert name.rpartition("/")[2] in caught.value.message
    assert caught.value.hint


def test_what_tools_add_to_the_metadata_does_no_harm(bucket: BucketShelf) -> None:
    bucket.store().ledger.started(RUN)
    bucket.cloud.things[bucket.prefix + STARTED].metadata["goog-reserved-file-mtime"] = "1"
    bucket.cloud.things[bucket.prefix + STARTED].metadata["phase"] = "FAILED"
    bucket.cloud.put(f"{bucket.prefix}ledger/")
    assert bucket.store().ledger.runs() == (RUN,)


def test_a_former_stacks_ledger_is_read_and_never_written(bucket: BucketShelf) -> None:
    waiting, over = replace(RUN, number=1, run_key="1-x"), replace(RUN, number=2, run_key="2-x")
    bucket.store().ledger.started(waiting)
    bucket.store().ledger.started(over)
    bucket.store().ledger.ended(over, Phase.FAILED)
    new = BucketShelf(bucket.cloud, prefix="team/0badcafe/", formers=(bucket.prefix, "team/11111111/"))
    assert new.store().ledger.runs() == bucket.store().ledger.runs()
    before = bucket.kept()
    [held, _] = new.store().ledger.runs()
    new.store().ledger.removal_changed(held, Removal.KEEP)
    new.store().ledger.ended(held, Phase.SUCCEEDED)
    new.store().ledger.started(replace(RUN, number=3, run_key="3-x"))
    assert bucket.kept() == before
    seen = [(run.number, run.phase, run.removal) for run in new.store().ledger.runs()]
    assert seen == [(1, Phase.SUCCEEDED, Removal.KEEP), (2, Phase.FAILED, Removal.ASK), (3, None, Removal.ASK)]
    assert [run.phase for run in bucket.store().ledger.runs()] == [None, Phase.FAILED]


def test_what_a_former_and_this_stack_both_hold_is_as_this_one_says(bucket: BucketShelf) -> None:
    new = BucketShelf(bucket.cloud, prefix="team/0badcafe/", formers=(bucket.prefix,))
    bucket.store().ledger.started(replace(RUN, resource="there"))
    new.store().ledger.started(replace(RUN, resource="here"))
    bucket.store().ledger.ended(RUN, Phase.FAILED)
    new.store().ledger.ended(RUN, Phase.SUCCEEDED)
    assert [(run.phase, run.resource) for run in new.store().ledger.runs()] == [(Phase.SUCCEEDED, "")]


def test_a_former_start_too_long_for_the_metadata_is_read_where_it_is(bucket: BucketShelf) -> None:
    long = replace(RUN, resource="projects/" + "x" * 5000)
    bucket.store().ledger.started(long)
    new = BucketShelf(bucket.cloud, prefix="team/0badcafe/", formers=(bucket.prefix,))
    assert new.store().ledger.runs() == (long,)


def test_a_foreign_object_of_a_former_stack_is_passed_over_unread(bucket: BucketShelf) -> None:
    bucket.stray("ledger/notes.txt", b"")
    new = BucketShelf(bucket.cloud, prefix="team/0badcafe/", formers=(bucket.prefix,))
    assert new.store().ledger.runs() == ()
    assert {operation for operation, _ in bucket.cloud.seen} == {"list"}


def test_an_object_of_a_former_stack_that_contradicts_itself_is_named(bucket: BucketShelf) -> None:
    bucket.cloud.put(bucket.prefix + STARTED, b"", n="3", fingerprint="v1-a", removal="ask")
    new = BucketShelf(bucket.cloud, prefix="team/0badcafe/", formers=(bucket.prefix,))
    with pytest.raises(errors.StoreFailed, match=STARTED.rpartition("/")[2]):
        new.store().ledger.runs()


def test_stacks_of_one_bucket_do_not_see_each_other(bucket: BucketShelf) -> None:
    other = BucketShelf(bucket.cloud, prefix="team/00000000/")
    bucket.store().ledger.started(RUN)
    bucket.store().journals.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    with bucket.store().lock("apply"), other.store().lock("apply"):
        store = other.store()
        assert (store.ledger.runs(), store.journals.open_intents(), store.kind_scopes()) == ((), (), ())
        assert store.journals.state(DIGEST) == "none"


def test_finding_open_intents_reads_listings_of_open_journals_alone(bucket: BucketShelf) -> None:
    store = bucket.store()
    for number in range(5):
        journal = store.journals.open(f"sha256:{number}")
        journal.outcome(journal.intent("CustomJob/a", "create", "c", "k"), "created")
        journal.close()
    left = store.journals.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    before = len(bucket.cloud.seen)
    assert bucket.store().journals.open_intents() == (left,)
    assert {operation for operation, _ in bucket.cloud.seen[before:]} == {"list"}
    assert len(bucket.cloud.seen) - before <= 3


def test_a_journal_is_whole_after_a_crash_at_any_request(bucket: BucketShelf) -> None:
    """Run one apply, cut off before or after each of its writes; the next process reads it, resumes it and ends it."""
    for at in range(9):
        for how in ("before", "after"):
            shelf = BucketShelf()
            intents = _apply_until(shelf, at, how)
            book = shelf.store().journals
            found = book.open_intents()
            assert {intent.address for intent in found} <= {"CustomJob/a", "CustomJob/b"}
            # Whatever the dead process was told is written down is there.
            assert set(intents) <= set(found)
            for intent in found:
                book.settle(intent, "absent")
            assert book.open_intents() == ()
            journal = book.open(DIGEST)
            third = journal.intent("CustomJob/c", "create", "c", "1-z")
            assert book.open_intents() == (third,)
            journal.outcome(third, "created")
            journal.close()
            assert book.state(DIGEST) == "closed"
            assert not [name for name in shelf.kept() if name.startswith("journal/open/")]


def _apply_until(shelf: BucketShelf, at: int, how: str) -> list[Intent]:
    """Play an apply whose process dies at its `at`-th write; returns the intents it knew to be open."""
    writes = 0

    class Killed(BaseException):
        pass

    def mortal(request: Request) -> Response:
        nonlocal writes
        if request.method != "GET":
            writes += 1
            if writes > at:
                if how == "after":
                    shelf.cloud(request)
                raise Killed
        return shelf.cloud(request)

    known: list[Intent] = []
    try:
        journal = shelf.over(mortal).journals.open(DIGEST)
        first = journal.intent("CustomJob/a", "create", "c", "1-x")
        known.append(first)
        second = journal.intent("CustomJob/b", "cancel", "r")
        known.append(second)
        known.remove(first)
        journal.outcome(first, "created", "r")
        known.remove(second)
        journal.outcome(second, "cancelled", "r")
        journal.close()
    except Killed:
        pass
    return known


@pytest.mark.parametrize("how", ["drop after", "503 after", "drop", "503"])
def test_a_lost_reply_to_an_intent_leaves_one_intent(bucket: BucketShelf, how: str) -> None:
    journal = bucket.store().journals.open(DIGEST)
    bucket.cloud.fail(how, "insert", ".intent")
    intent = journal.intent("CustomJob/a", "create", "c", "1-x")
    assert bucket.store().journals.open_intents() == (intent,)
    bucket.cloud.fail(how, "insert", ".outcome")
    journal.outcome(intent, "created", "r")
    bucket.cloud.fail(how, "insert", "closed/")
    bucket.cloud.fail(how, "delete", "open/")
    journal.close()
    assert bucket.store().journals.state(DIGEST) == "closed"
    assert len([name for name in bucket.kept() if "/lines/" in name]) == 2


def test_an_intent_that_cannot_be_written_is_an_error(bucket: BucketShelf) -> None:
    journal = bucket.store().journals.open(DIGEST)
    bucket.cloud.fail("403", "insert", ".intent")
    with pytest.raises(errors.StoreFailed, match="403"):
        journal.intent("CustomJob/a", "create", "c", "1-x")


def test_an_intent_too_long_for_the_metadata_is_read(bucket: BucketShelf) -> None:
    left = bucket.store().journals.open(DIGEST).intent("CustomJob/a", "create", "c" * 5000, "1-x")
    assert bucket.store().journals.open_intents() == (left,)


def test_an_open_journal_and_a_new_one_of_the_same_plan_keep_apart(bucket: BucketShelf) -> None:
    book = bucket.store().journals
    first = book.open(DIGEST)
    old = first.intent("CustomJob/a", "create", "c", "1-x")
    first.outcome(old, "created")
    first.close()
    new = book.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    assert book.intents(DIGEST) == (new,)
    with pytest.raises(errors.StoreFailed, match="no open journal"):
        book.settle(old, "absent")


def test_two_runners_that_open_a_journal_at_once_share_it(bucket: BucketShelf) -> None:
    seen: list[str] = []
    opened: list[Intent] = []

    def other(operation: str, name: str) -> None:
        if operation == "insert" and not seen:
            seen.append(name)
            opened.append(bucket.store().journals.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x"))

    bucket.cloud.before = other
    mine = bucket.store().journals.open(DIGEST).intent("CustomJob/b", "create", "c", "1-y")
    assert set(bucket.store().journals.intents(DIGEST)) == {opened[0], mine}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("open/sha256-x.jsonl", b""),
        (f"lines/{DIGEST.replace(':', '-')}/r0/000009-x.intent.jsonl", b""),
        (f"lines/{DIGEST.replace(':', '-')}/r0/000009-x.intent.jsonl", b'{"intent": "x"}\n'),
        (f"lines/{DIGEST.replace(':', '-')}/r0/000009-x.intent.jsonl", b'{"closed": 1}\n'),
    ],
)
def test_what_is_no_line_of_a_journal_is_named(bucket: BucketShelf, name: str, content: bytes) -> None:
    bucket.store().journals.open(DIGEST)
    bucket.stray(f"journal/{name}", content)
    with pytest.raises(errors.StoreFailed, match=name.rpartition("/")[2]):
        bucket.store().journals.open_intents()


@pytest.mark.parametrize(
    "name", ["open/notes.txt", "lines/{}/r0/notes.txt", "lines/{}/r0/000002-r2.note.jsonl", "later/sha256-x.jsonl"]
)
def test_objects_beside_a_journal_that_are_not_named_as_ours_are_passed_over(bucket: BucketShelf, name: str) -> None:
    left = bucket.store().journals.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    bucket.stray(f"journal/{name}".format(DIGEST.replace(":", "-")), b"hello")
    assert bucket.store().journals.open_intents() == (left,)
    assert bucket.store().journals.intents(DIGEST) == (left,)


def test_an_intent_under_another_name_than_its_own_is_damage(bucket: BucketShelf) -> None:
    bucket.store().journals.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    [name] = [name for name in bucket.cloud.names() if name.endswith(".intent.jsonl")]
    bucket.cloud.things[name.replace("000001", "000002")] = bucket.cloud.things[name]
    with pytest.raises(errors.StoreFailed, match="000002"):
        bucket.store().journals.open_intents()


def test_a_journal_copied_without_its_metadata_is_still_read(bucket: BucketShelf) -> None:
    left = bucket.store().journals.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    for name in bucket.cloud.names():
        bucket.cloud.things[name].metadata.pop("content", None)
    assert bucket.store().journals.open_intents() == (left,)


@pytest.mark.parametrize("left", ["sha256:x/1", "a/b/c/d", "a/../b", "", "sha256:x/r0/000001-r1"])
def test_an_intent_of_no_open_journal_cannot_be_settled(bucket: BucketShelf, left: str) -> None:
    intent = replace(bucket.store().journals.open(DIGEST).intent("CustomJob/a", "create", "c", "k"), id=left)
    with pytest.raises(errors.StoreFailed, match="no open journal"):
        bucket.store().journals.settle(intent, "absent")


def test_a_whole_apply_works_over_http() -> None:
    shelf = BucketShelf(CloudStorage(page_size=2))
    with serving(shelf.cloud) as url, HttpTransport() as http:
        store = shelf.over(http, url)
        with store.lock("apply"):
            journal = store.journals.open(DIGEST)
            for name in ("a", "b", "c"):
                intent = journal.intent(f"CustomJob/{name}", "create", "c", f"1-{name}")
                store.ledger.started(replace(RUN, name=name))
                journal.outcome(intent, "created", "r")
            journal.close()
            store.remember_kind_scopes([("CustomJob", Scope("p", "us-central1"))])
        assert [run.name for run in shelf.over(http, url).ledger.runs()] == ["a", "b", "c"]
        assert shelf.over(http, url).journals.state(DIGEST) == "closed"
