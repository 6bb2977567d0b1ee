import pytest

from tests.unit.core.validate.samples import CUSTOM, ML, NAS, POOL, change, check, the_one_problem, told

TYPE = "acceleratorType: NVIDIA_TESLA_T4"


@pytest.mark.parametrize("text", [CUSTOM, NAS, ML])
def test_a_sound_manifest_has_no_problem(text: str) -> None:
    assert told(check(text)) == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("nvidia-tesla-v100", "NVIDIA_TESLA_V100"),
        ("NVIDIA_TESLA_L4", "NVIDIA_L4"),
        ("NVIDIA_T4", "NVIDIA_TESLA_T4"),
        ("NVIDIA_V100", "NVIDIA_TESLA_V100"),
        ("TPU_V4", "TPU_V4_POD"),
        ("nvidia_l4", "NVIDIA_L4"),
        ("NVIDIA_TELSA_T4", "NVIDIA_TESLA_T4"),
        ("NVIDIA_H100", "NVIDIA_H100_80GB"),
    ],
)
def test_a_misspelt_accelerator_is_an_error_with_the_right_name(written: str, meant: str) -> None:
    path = f"{POOL}.machineSpec.acceleratorType"
    the_one_problem(change(CUSTOM, "NVIDIA_TESLA_T4", written), "bad-enum", path, f"Did you mean {meant}")


@pytest.mark.parametrize("written", ["NVIDIA_B300", "NVIDIA_GB300", "TPU_V7X", "TPU_V6E"])
def test_an_accelerator_newer_than_us_is_a_warning(written: str) -> None:
    validation = check(change(CUSTOM, "NVIDIA_TESLA_T4", written))
    assert [(each.rule, each.severity.value) for each in validation.problems] == [("unknown-enum", "warning")]
    assert validation.ok
    machine = validation.desired[0].spec["jobSpec"]["workerPoolSpecs"][0]["machineSpec"]
    assert machine["acceleratorType"] == written


@pytest.mark.parametrize(
    ("old", "new", "rule", "path", "fragments"),
    [
        # one level too high, one too low
        ("  jobSpec:\n", "  labels: {a: b}\n  jobSpec:\n", "unknown-field", "spec.labels", ["metadata.labels"]),
        (
            "    workerPoolSpecs:\n",
            "    imageUri: x\n    workerPoolSpecs:\n",
            "unknown-field",
            "spec.jobSpec.imageUri",
            ["spec.jobSpec.workerPoolSpecs[0].containerSpec.imageUri"],
        ),
        (
            "    workerPoolSpecs:\n",
            "    pythonPackageSpec: {}\n    workerPoolSpecs:\n",
            "unknown-field",
            "spec.jobSpec.pythonPackageSpec",
            ["spec.jobSpec.workerPoolSpecs[0].pythonPackageSpec"],
        ),
        (
            "        replicaCount: 1\n",
            "        scheduling: {}\n",
            "unknown-field",
            f"{POOL}.scheduling",
            ["belongs at spec.jobSpec.scheduling"],
        ),
        ("spec:\n", "jobSpec: {}\nspec:\n", "unknown-field", "jobSpec", ["belongs at spec.jobSpec"]),
        # names
        ("replicaCount", "replicacount", "unknown-field", f"{POOL}.replicacount", ["Did you mean replicaCount?"]),
        ("replicaCount", "replicas", "unknown-field", f"{POOL}.replicas", ["replicaCount"]),
        ("imageUri", "image", "unknown-field", f"{POOL}.containerSpec.image", ["imageUri"]),
        ("imageUri", "imageURI", "unknown-field", f"{POOL}.containerSpec.imageURI", ["Did you mean imageUri?"]),
        ("args:", "zzz:", "unknown-field", f"{POOL}.containerSpec.zzz", ["Known fields", "imageUri"]),
        ("replicaCount: 1", 'replicaCount: "1, "', "bad-format", f"{POOL}.replicaCount", ["whole number"]),
        (
            "        replicaCount: 1\n",
            "        replicaCount: 1\n        replica_count: 2\n",
            "duplicate-key",
            f"{POOL}.replica_count",
            ["replicaCount", "spellings"],
        ),
        ("spec:\n", "iamPolicy: {bindings: []}\nspec:\n", "unknown-field", "iamPolicy", ["no field iamPolicy"]),
        # what the service sets
        (
            "  jobSpec:\n",
            "  state: JOB_STATE_RUNNING\n  jobSpec:\n",
            "output-only",
            "spec.state",
            ["service", "Remove"],
        ),
        ("  jobSpec:\n", "  name: x\n  jobSpec:\n", "output-only", "spec.name", ["Remove"]),
        # missing
        ("imageUri: gcr.io/a/b, ", "", "missing-field", f"{POOL}.containerSpec.imageUri", ["required"]),
        ("imageUri: gcr.io/a/b, ", "imageUri: , ", "missing-field", f"{POOL}.containerSpec.imageUri", ["no value"]),
        ("{name: train}", "{}", "missing-field", "metadata.name", ["required"]),
        (
            "apiVersion: aiplatform.googleapis.com/v1\n",
            "",
            "missing-field",
            "apiVersion",
            ["aiplatform.googleapis.com/v1"],
        ),
        ("kind: CustomJob\n", "", "missing-field", "kind", ["CustomJob, Job, NasJob"]),
        # types
        (
            "acceleratorCount: 1",
            'acceleratorCount: "1"',
            "wrong-type",
            f"{POOL}.machineSpec.acceleratorCount",
            ["quotes"],
        ),
        (
            "acceleratorCount: 1",
            "acceleratorCount: 1.5",
            "wrong-type",
            f"{POOL}.machineSpec.acceleratorCount",
            ["whole"],
        ),
        ("[--x]", "[1]", "wrong-type", f"{POOL}.containerSpec.args[0]", ["a number where text", "quotes"]),
        ("[--x]", "[true]", "wrong-type", f"{POOL}.containerSpec.args[0]", ["true where text", "quotes"]),
        ("[--x]", "[null]", "wrong-type", f"{POOL}.containerSpec.args[0]", ["empty where text"]),
        ("[--x]", "--x", "wrong-type", f"{POOL}.containerSpec.args", ["text where a list", "dash"]),
        ("args: [--x]", "env: {A: b}", "wrong-type", f"{POOL}.containerSpec.env", ["{name: …, value: …}"]),
        (
            "      - machineSpec",
            "        machineSpec",
            "wrong-type",
            "spec.jobSpec.workerPoolSpecs",
            ["a map where a list"],
        ),
        (
            "    workerPoolSpecs",
            "    enableWebAccess: yes\n    workerPoolSpecs",
            "wrong-type",
            "spec.jobSpec.enableWebAccess",
            ["Write true"],
        ),
        (TYPE, "acceleratorType: 5", "wrong-type", f"{POOL}.machineSpec.acceleratorType", ["NVIDIA_TESLA_T4"]),
        ("replicaCount: 1", "replicaCount: one", "bad-format", f"{POOL}.replicaCount", ["one", "whole number"]),
        ("{name: train}", "train", "wrong-type", "metadata", ["text where a map"]),
        ("{name: train}", "{name: 1}", "wrong-type", "metadata.name", ["text"]),
        ("{name: train}", "{name: Train_1}", "bad-format", "metadata.name", ["Lower-case"]),
        ("{name: train}", "{name: train, labels: {A: b}}", "bad-label", "metadata.labels.A", ["lower-case"]),
        ("{name: train}", "{name: train, labels: {a: B}}", "bad-format", "metadata.labels.a", ["lower-case"]),
        ("{name: train}", "{name: train, labels: {a: 1}}", "wrong-type", "metadata.labels.a", ["quotes"]),
        (
            "{name: train}",
            "{name: train, labels: {reconciler_run: x}}",
            "bad-label",
            "metadata.labels.reconciler_run",
            ["our own"],
        ),
        (
            "    workerPoolSpecs",
            "    scheduling: {timeout: 2h}\n    workerPoolSpecs",
            "bad-format",
            "spec.jobSpec.scheduling.timeout",
            ["7200s"],
        ),
        (
            "    workerPoolSpecs",
            "    scheduling: {timeout: 60}\n    workerPoolSpecs",
            "wrong-type",
            "spec.jobSpec.scheduling.timeout",
            [],
        ),
        # rules over several fields
        (", acceleratorCount: 1", "", "field-combination", f"{POOL}.machineSpec", ["acceleratorCount"]),
        (
            "        containerSpec",
            "        pythonPackageSpec: {executorImageUri: a, packageUris: [gs://b], pythonModule: c}\n        containerSpec",
            "field-combination",
            POOL,
            ["containerSpec, pythonPackageSpec"],
        ),
        ("args: [--x]", "env: [{name: A}]", "field-combination", f"{POOL}.containerSpec.env[0]", ["value, valueFrom"]),
        (
            "args: [--x]",
            "env: [{name: A, value: b, valueFrom: {env: B}}]",
            "field-combination",
            f"{POOL}.containerSpec.env[0]",
            ["only one"],
        ),
        (
            "args: [--x]",
            "env: [{name: A, valueFrom: {env: a-b}}]",
            "bad-format",
            f"{POOL}.containerSpec.env[0].valueFrom.env",
            ["a-b"],
        ),
        ("args: [--x]", "env: [{name: 1A, value: b}]", "bad-format", f"{POOL}.containerSpec.env[0].name", ["1A"]),
        # life cycle
        ("spec:\n", "lifecycle: {desired: present}\nspec:\n", "bad-enum", "lifecycle.desired", ["Present"]),
        ("spec:\n", "lifecycle: {onChange: restart}\nspec:\n", "bad-enum", "lifecycle.onChange", ["replace"]),
        ("spec:\n", "lifecycle: {onchange: ask}\nspec:\n", "unknown-field", "lifecycle.onchange", ["onChange"]),
        ("spec:\n", "lifecycle: {history: -1}\nspec:\n", "bad-value", "lifecycle.history", ['"all" or a whole number']),
        ("spec:\n", "lifecycle: {rerun: {max: 0}}\nspec:\n", "out-of-bounds", "lifecycle.rerun.max", ["at least 1"]),
        ("spec:\n", "lifecycle: {rerun: {on: [succeeded]}}\nspec:\n", "bad-enum", "lifecycle.rerun.on[0]", ["failed"]),
        (
            "spec:\n",
            "lifecycle: {ignoreChanges: [spec.jobSpec.shceduling]}\nspec:\n",
            "unknown-path",
            "lifecycle.ignoreChanges[0]",
            ["scheduling"],
        ),
        (
            "spec:\n",
            "lifecycle: {ignoreChanges: ['spec.jobSpec.scheduling[0]']}\nspec:\n",
            "unknown-path",
            "lifecycle.ignoreChanges[0]",
            ["no list"],
        ),
        (
            "spec:\n",
            "lifecycle: {ignoreChanges: ['spec.jobSpec..x']}\nspec:\n",
            "unknown-path",
            "lifecycle.ignoreChanges[0]",
            ["path"],
        ),
        (
            "spec:\n",
            "lifecycle: {ignoreChanges: [metadata.labels]}\nspec:\n",
            "bad-format",
            "lifecycle.ignoreChanges[0]",
            ["spec"],
        ),
        # later work is refused by name
        (
            "{name: train}",
            "{name: train, resource: projects/p/locations/l/customJobs/1}",
            "not-built-yet",
            "metadata.resource",
            ["not built yet"],
        ),
        (
            "spec:\n",
            "lifecycle: {dependsOn: [CustomJob/a]}\nspec:\n",
            "not-built-yet",
            "lifecycle.dependsOn",
            ["not built yet"],
        ),
        # scope
        (
            "{name: train}",
            "{name: train, location: us-east1}",
            "scope-outside",
            "metadata.location",
            ["demo-project/us-east1", "us-central1"],
        ),
        ("{name: train}", "{name: train, project: other}", "scope-outside", "metadata.project", ["spec.scopes"]),
        ("{name: train}", "{name: train, formerly: train}", "bad-formerly", "metadata.formerly", ["own name"]),
        # kinds
        ("kind: CustomJob", "kind: CustomJobs", "unknown-kind", "kind", ["Did you mean CustomJob?"]),
        ("kind: CustomJob", "kind: customJobs", "unknown-kind", "kind", ["Did you mean CustomJob?"]),
        ("kind: CustomJob", "kind: Deployment", "unknown-kind", "kind", ["spec.ignore"]),
        ("kind: CustomJob", "kind: Job", "unknown-kind", "apiVersion", ["ml.googleapis.com/v1"]),
        ("/v1", "/v1beta1", "unknown-kind", "apiVersion", ["aiplatform.googleapis.com/v1"]),
        ("kind: CustomJob", "kind: [CustomJob]", "wrong-type", "kind", ["a list where text"]),
    ],
)
def test_a_fault_is_one_problem_that_says_what_to_do(
    old: str, new: str, rule: str, path: str, fragments: list[str]
) -> None:
    the_one_problem(change(CUSTOM, old, new), rule, path, *fragments)


@pytest.mark.parametrize(
    ("old", "new", "rule", "path", "fragments"),
    [
        ("region: us-central1", "region: {REGION}", "placeholder", "spec.trainingInput.region", ["{REGION}"]),
        (
            "    region",
            "    environmentVariables: {}\n    region",
            "unknown-field",
            "spec.trainingInput.environmentVariables",
            ["Known fields"],
        ),
        (
            "{name: legacy}",
            "{name: legacy, location: us-central1}",
            "unknown-field",
            "metadata.location",
            ["no field location"],
        ),
        ("spec:\n", "spec:\n  jobId: x\n", "unknown-field", "spec.jobId", ["metadata.name"]),
        ("scaleTier: CUSTOM", "scaleTier: custom", "bad-enum", "spec.trainingInput.scaleTier", ["CUSTOM"]),
        ("    masterType: n1-standard-8\n", "", "field-combination", "spec.trainingInput", ["masterType"]),
        ("spec:\n", "spec:\n  predictionInput: {}\n", "field-combination", "spec", ["trainingInput, predictionInput"]),
    ],
)
def test_a_fault_of_an_ml_job_is_told(old: str, new: str, rule: str, path: str, fragments: list[str]) -> None:
    problems = [problem for problem in told(check(change(ML, old, new))) if problem[1] == path]
    assert [problem[0] for problem in problems] == [rule]
    for fragment in fragments:
        assert fragment in problems[0][2]


@pytest.mark.parametrize(
    ("old", "new", "rule", "path", "fragments"),
    [
        (
            "          workerPoolSpecs:\n            - machineSpec: {machineType: n1-standard-4}\n              containerSpec:",
            "          workerPoolSpecs:\n            - machineSpec: {machineType: n1-standard-4}\n          containerSpec:",
            "unknown-field",
            "spec.nasJobSpec.multiTrialAlgorithmSpec.searchTrialSpec.searchTrialJobSpec.containerSpec",
            ["searchTrialJobSpec.workerPoolSpecs[0].containerSpec"],
        ),
        (
            "goal: MAXIMIZE",
            "goal: maximise",
            "bad-enum",
            "spec.nasJobSpec.multiTrialAlgorithmSpec.metric.goal",
            ["MAXIMIZE"],
        ),
        (
            "maxTrialCount: 2",
            "maxTrialCount: ${N}",
            "placeholder",
            "spec.nasJobSpec.multiTrialAlgorithmSpec.searchTrialSpec.maxTrialCount",
            ["${N}"],
        ),
        (
            'searchSpaceSpec: "{}"',
            "searchSpaceSpec: {}",
            "wrong-type",
            "spec.nasJobSpec.searchSpaceSpec",
            ["a map where text"],
        ),
    ],
)
def test_a_fault_of_a_nas_job_is_told(old: str, new: str, rule: str, path: str, fragments: list[str]) -> None:
    the_one_problem(change(NAS, old, new), rule, path, *fragments)


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        ("API_KEY", True),
        ("apiKey", True),
        ("WANDB_TOKEN", True),
        ("DB_PASSWORD", True),
        ("MONKEYS", False),
        ("A", False),
    ],
)
def test_a_secret_written_out_is_a_warning_with_the_way_out(name: str, warned: bool) -> None:
    validation = check(change(CUSTOM, "args: [--x]", f"env: [{{name: {name}, value: hunter2}}]"))
    assert [each.rule for each in validation.problems] == ["literal-secret"] * warned
    assert validation.ok
    for problem in validation.problems:
        assert "valueFrom" in problem.hint
        assert "hunter2" not in problem.message + problem.hint


def test_a_secret_of_the_wrong_type_is_not_shown() -> None:
    (problem,) = check(change(CUSTOM, "args: [--x]", "env: [{name: API_KEY, value: 31415926}]")).problems
    assert (problem.rule, "31415926" in problem.message + problem.hint) == ("wrong-type", False)


def test_all_problems_of_a_manifest_are_told_at_once() -> None:
    text = CUSTOM.replace("train}", "Train, location: us-east1}").replace("replicaCount", "replicas")
    text = text.replace("T4", "T44").replace("gcr.io/a/b", "$X")
    assert {each.rule for each in check(text).problems} >= {"bad-format", "unknown-field", "placeholder"}


def test_a_control_character_is_a_value_like_any_other() -> None:
    assert told(check(change(CUSTOM, "[--x]", '["\\e[31m"]'))) == []


@pytest.mark.parametrize("line", ["train\\n", "train\\n\\n"])
def test_a_name_that_ends_in_a_line_break_is_refused(line: str) -> None:
    the_one_problem(change(CUSTOM, "{name: train}", f'{{name: "{line}"}}'), "bad-format", "metadata.name")
