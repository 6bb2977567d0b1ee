"""`validate` in the forms of CI systems, several at once, in a stack below the root of a Git repository."""

from __future__ import annotations

import json
import subprocess
from xml.etree import ElementTree

import pytest

from tests.support.stage import JOB, Stage

WRONG = JOB.format(name="train", more="", replicas=1, image="gcr.io/a/b").replace("machineType", "machinType")
REPORTS = ("sarif=r.sarif", "junit=r.xml", "gitlab=../r.json", "github")


@pytest.fixture
def repository(stage: Stage) -> Stage:
    """A stack in the folder `stack` of a repository, with one good and one bad manifest."""
    subprocess.run(["git", "init", "-q", str(stage.root.parent)], check=True)
    stage.stack()
    stage.job("good")
    stage.write("bad.yaml", WRONG)
    return stage


def test_reports_name_files_from_the_root_of_the_repository(repository: Stage) -> None:
    done = repository.run("validate", *(part for each in REPORTS for part in ("-o", each)))
    assert done.code == 1
    files = []
    for line in done.out.splitlines():
        assert line.startswith("::error ")
        files.append(line.partition("file=")[2].partition(",")[0])
    document = json.loads((repository.root / "r.sarif").read_text("utf-8"))
    [run] = document["runs"]
    files += [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in run["results"]]
    files += [each["location"]["path"] for each in json.loads((repository.root.parent / "r.json").read_text("utf-8"))]
    assert set(files) == {"stack/bad.yaml"}
    report = ElementTree.parse(repository.root / "r.xml").getroot()
    cases = {case.get("classname"): case for case in report.iter("testcase")}
    assert set(cases) == {"stack/bad.yaml", "stack/good.yaml"}
    assert cases["stack/good.yaml"].get("name") == "CustomJob/good"
    assert [*cases["stack/good.yaml"]] == []
    assert cases["stack/bad.yaml"].find("failure") is not None
    told = repository.run("validate", "-o", "json").json["problems"]
    assert len(told) == len(run["results"]) == len(files) // 3


def test_reports_of_sound_manifests_hold_no_problem(repository: Stage) -> None:
    (repository.root / "bad.yaml").unlink()
    done = repository.run("validate", *(part for each in REPORTS for part in ("-o", each)))
    assert (done.code, done.out) == (0, "")
    assert json.loads((repository.root / "r.sarif").read_text("utf-8"))["runs"][0]["results"] == []
    assert json.loads((repository.root.parent / "r.json").read_text("utf-8")) == []


def test_the_widget_of_gitlab_counts_what_a_plan_would_do(repository: Stage) -> None:
    (repository.root / "bad.yaml").unlink()
    assert repository.run("plan", "-o", "gitlab").json == {"create": 1, "delete": 0, "update": 0}
