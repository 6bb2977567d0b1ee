"""An empty answer is not a removal: an emptied file, an empty list or a glob that fits nothing ends no job."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.checkout import git
from tests.support.stage import JOB, Service, Stage, told

NOTHING = {
    "an empty file": ("two.yaml", ""),
    "blank lines": ("two.yaml", "\n\n"),
    "a byte order mark": ("two.yaml", "\ufeff"),
    "comments alone": ("two.yaml", "# two\n# kind: CustomJob\n"),
    "null": ("two.yaml", "null\n"),
    "a tilde": ("two.yaml", "~\n"),
    "empty documents": ("two.yaml", "---\n---\n...\n"),
    "a comment between markers": ("two.yaml", "---\n# later\n---\n"),
    "an empty list": ("two.yaml", "[]\n"),
    "an empty map": ("two.yaml", "{}\n"),
    "a List of nothing": ("two.yaml", "apiVersion: v1\nkind: List\nitems: []\n"),
    "a List of Lists of nothing": ("two.yaml", "kind: List\nitems: [{kind: List, items: []}]\n"),
    "an empty .yml": ("two.yml", ""),
    "an empty .json": ("two.json", ""),
    "null in JSON": ("two.json", "null"),
    "an empty list in JSON": ("two.json", "[]"),
    "a List of nothing in JSON": ("two.json", '{"kind": "List", "items": []}'),
}
COMMANDS = (("plan",), ("apply", "--yes"), ("destroy", "--yes"), ("status",), ("validate",))


@pytest.fixture
def two(stage: Stage, service: Service) -> Stage:
    """Two jobs run, and the second says that it may be cancelled once no manifest names it."""
    (stage.root / "train.yaml").unlink()
    stage.job("one")
    stage.job("two", more="lifecycle: {onRemoval: cancel}\n")
    stage.ok("apply", "--yes")
    service.requests.clear()
    return stage


@pytest.mark.parametrize("what", NOTHING)
def test_a_file_that_was_emptied_cancels_nothing(two: Stage, service: Service, what: str) -> None:
    name, text = NOTHING[what]
    (two.root / "two.yaml").unlink()
    two.write(name, text)
    for command in (*COMMANDS, ("validate", name)):
        done = two.run(*command)
        assert done.code == 1, (command, done)
        told(done, f"{name}:1", "no-manifest", "git rm", "spec.ignore")
    assert service.writes == []


def test_a_file_emptied_by_a_shell_cancels_nothing_and_a_removed_one_does(two: Stage) -> None:
    (two.root / "two.yaml").write_text("")
    assert two.run("apply", "--yes").code == 1
    (two.root / "two.yaml").unlink()
    assert two.actions()["CustomJob/two"] == "cancel"


def test_a_file_that_spec_ignore_names_may_be_empty(two: Stage, service: Service) -> None:
    (two.root / "two.yaml").write_text("# nothing yet\n")
    two.stack(service.url, more="ignore: [two.yaml]\n")
    assert two.actions()["CustomJob/two"] == "cancel"


@pytest.mark.parametrize("end", ["---\n", "---\n# the end\n", "---\nnull\n", "---\nkind: List\nitems: []\n"])
def test_an_empty_document_beside_a_manifest_is_no_error(two: Stage, end: str) -> None:
    file = two.root / "two.yaml"
    text = file.read_text()
    for written in (text + end, f"{end}---\n{text}"):
        file.write_text(written)
        assert set(two.actions().values()) == {"noop"}


def test_our_own_files_beside_the_manifests_are_left_out_without_a_word(two: Stage) -> None:
    two.ok("plan", "--out", "saved.plan.json")
    two.ok("snapshot", "--out", "taken.json")
    done = two.ok("plan")
    assert "plan.json" not in done.out + done.err
    assert two.ok("validate").out == "0 errors, 0 warnings\n"


@pytest.mark.parametrize(
    "text", ["", "null\n", "---\n---\n", "kind: List\nitems: []\n", '{"kind": "List", "items": []}']
)
def test_a_stream_of_nothing_is_an_error(two: Stage, service: Service, text: str) -> None:
    for command in (("plan", "-"), ("apply", "-", "--yes"), ("validate", "-")):
        done = two.run(*command, stdin=text)
        assert done.code == 1, (command, done)
        told(done, "the stream holds no manifest", "pipefail")
    assert service.requests == []


# ---------------------------------------------------------------- globs


@pytest.mark.parametrize("flag", ["--select", "--exclude"])
@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("destroy", "--yes", "--allow-cancel", "9")])
def test_a_glob_that_fits_no_address_is_an_error_before_anything_is_written(
    two: Stage, service: Service, command: tuple[str, ...], flag: str
) -> None:
    before = two.files()
    done = two.run(*command, flag, "CustomJob/tow", "-o", "json=out.json", flag, "*/one")
    assert done.code == 1
    told(done, f"{flag} CustomJob/tow matches no address", "CustomJob/one, CustomJob/two")
    assert "*/one" not in done.err
    assert service.writes == []
    assert {name for name in two.files() if not name.startswith(".reconciler")} == {
        name for name in before if not name.startswith(".reconciler")
    }


def test_every_glob_that_fits_nothing_is_named(two: Stage) -> None:
    done = two.run("plan", "--out", "p.json", "--select", "a/*", "--select", "b/*", "--exclude", "c/*")
    assert done.code == 1
    told(done, "--select a/* and --select b/* and --exclude c/* match no address")
    assert not (two.root / "p.json").exists()


def test_a_glob_fits_what_only_manifests_live_runs_or_the_ledger_know(two: Stage) -> None:
    two.job("three")
    two.ok("plan", "--select", "*/three")
    (two.root / "one.yaml").unlink()
    assert two.run("plan", "--select", "*/one").code == 4
    assert two.run("destroy", "--select", "*/three", "--yes").code == 0


def test_a_stack_of_nothing_says_that_no_glob_can_fit(stage: Stage, service: Service) -> None:
    (stage.root / "train.yaml").unlink()
    done = stage.run("plan", "--select", "*")
    assert done.code == 1
    told(done, "no manifest and no run")


# ---------------------------------------------------------------- a file for a stack


@pytest.mark.parametrize("command", [("plan",), ("destroy", "--yes")])
def test_a_file_for_a_stack_is_an_error_that_names_its_addresses(
    two: Stage, service: Service, command: tuple[str, ...]
) -> None:
    both = "---\n".join(JOB.format(name=name, more="", replicas=1, image="gcr.io/a/b") for name in ("c", "d"))
    two.write("jobs/pair.yaml", both)
    done = two.run(*command, "jobs/pair.yaml")
    assert done.code == 1
    told(done, "jobs/pair.yaml is a file", "--select CustomJob/c --select CustomJob/d")
    assert service.requests == []
    assert two.run("plan", ".", *["--select", "CustomJob/c", "--select", "CustomJob/d"]).code == 0


@pytest.mark.parametrize("text", ["", "a: [", "metadata: {name: '$(touch pwned)'}\nkind: CustomJob\n", "\0"])
def test_a_file_without_addresses_is_the_same_error(two: Stage, text: str) -> None:
    two.write("jobs/none.yaml", text)
    done = two.run("plan", "jobs/none.yaml")
    assert done.code == 1
    told(done, "jobs/none.yaml is a file", "--select 'Kind/name'")
    assert "touch" not in done.err


# ---------------------------------------------------------------- changed since


def test_no_changed_address_is_a_part_with_nothing_in_it(stage: Stage, tmp_path: Path) -> None:
    git(stage.root, "init", "-q")
    stage.write(".gitignore", ".reconciler/\n")
    stage.stack()
    stage.job("one")
    git(stage.root, "add", "-A")
    git(stage.root, "commit", "-q", "-m", "Start")
    done = stage.ok("plan", "--changed-since", "HEAD", "--detailed-exitcode")
    told(done, "0 addresses changed since HEAD: the plan is a part with nothing in it", "No changes in this part")
    assert "Live jobs match the manifests" not in done.out
