"""The lock, between real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.stores.folder import FolderStore
from reconciler.vocabulary import errors
from tests.support.loopback import FakeClock

HOLDER = """
import sys, time
from pathlib import Path
from reconciler.stores.folder import FolderStore

class Clock:
    now = staticmethod(time.time)
    sleep = staticmethod(time.sleep)

with FolderStore(Path(sys.argv[1]), Clock()).lock("apply of plan sha256:1234"):
    print("held", flush=True)
    sys.stdin.read()
print("left", flush=True)
"""


@contextmanager
def another_process(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds the lock until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def store(root: Path) -> FolderStore:
    return FolderStore(root, FakeClock())


def test_a_held_lock_names_its_holder(tmp_path: Path) -> None:
    with another_process(tmp_path) as process, pytest.raises(errors.LockHeld) as caught, store(tmp_path).lock("apply"):
        pass
    message = caught.value.message
    assert "apply of plan sha256:1234" in message
    assert f"process {process.pid}" in message
    assert os.uname().nodename in message
    assert str(tmp_path / "lock") in message


def test_a_killed_holder_releases_its_lock(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        process.kill()
        process.wait()
        with store(tmp_path).lock("apply"):
            held = json.loads((tmp_path / "lock").read_text())
    assert held["pid"] == os.getpid()


def test_a_holder_that_leaves_lets_the_next_one_in(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        assert process.stdout.readline() == "left\n"
        with store(tmp_path).lock("apply"):
            assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_the_lock_says_who_holds_it_and_is_empty_afterwards(tmp_path: Path) -> None:
    with store(tmp_path).lock("destroy"):
        held = json.loads((tmp_path / "lock").read_text())
    assert set(held) == {"pid", "host", "user", "started", "purpose"}
    assert (held["purpose"], held["started"]) == ("destroy", "2027-01-15T08:00:00+00:00")
    assert (tmp_path / "lock").read_text() == ""


def test_the_lock_is_released_after_an_exception(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), store(tmp_path).lock("apply"):
        raise KeyboardInterrupt
    with store(tmp_path).lock("apply"):
        assert (tmp_path / "lock").read_text()


def test_one_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    with store(tmp_path).lock("apply"):
        with pytest.raises(errors.LockHeld, match="apply of"), store(tmp_path).lock("apply"):
            pass
        with pytest.raises(errors.LockHeld), store(tmp_path).lock("apply"):
            pass


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"pid": 1'])
def test_a_holder_whose_name_cannot_be_read_still_holds(tmp_path: Path, content: bytes) -> None:
    with another_process(tmp_path):
        (tmp_path / "lock").write_bytes(content)
        with pytest.raises(errors.LockHeld, match="another process"), store(tmp_path).lock("apply"):
            pass


def test_what_an_earlier_holder_left_behind_locks_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text('{"pid": 1, "purpose": "apply"}' * 10)
    with store(tmp_path).lock("apply"):
        assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()


def test_a_lock_that_cannot_be_made_is_no_held_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(errors.StoreFailed, match="lock"), store(tmp_path).lock("apply"):
        pass


def test_who_holds_a_lock_can_be_asked_without_touching_it(tmp_path: Path) -> None:
    assert store(tmp_path / "none").holder() is None
    assert not (tmp_path / "none").exists()
    with another_process(tmp_path) as process:
        found = store(tmp_path).holder()
        assert found is not None
        assert (found.live, f"process {process.pid}" in found.description) == (True, True)
        with pytest.raises(errors.LockHeld, match=f"process {process.pid}"):
            store(tmp_path).break_lock()
        process.kill()
        process.wait()
        assert store(tmp_path).holder() is None
        store(tmp_path).break_lock()


def test_a_lock_of_the_system_is_never_lost(tmp_path: Path) -> None:
    held = store(tmp_path)
    with held.lock("apply"):
        held.assert_held()


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    victim, store = tmp_path / "victim", tmp_path / "store"
    victim.write_text("precious")
    store.mkdir()
    (store / "lock").symlink_to(victim)
    with pytest.raises(errors.StoreFailed, match="symbolic links"), FolderStore(store, FakeClock()).lock("apply"):
        pass
    assert victim.read_text() == "precious"


def test_a_pipe_in_place_of_the_lock_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    assert FolderStore(tmp_path, FakeClock()).holder() is None


def test_a_holder_written_too_deep_to_read_is_another_process(tmp_path: Path) -> None:
    with another_process(tmp_path):
        (tmp_path / "lock").write_text("[" * 60_000)
        with pytest.raises(errors.LockHeld, match="another process"), FolderStore(tmp_path, FakeClock()).lock("apply"):
            pass
