import pytest

from tests.unit.core.validate.samples import CUSTOM, POOL, change, check, the_one_problem, told


@pytest.mark.parametrize(
    ("old", "new", "path", "found"),
    [
        ("imageUri: gcr.io/a/b", "imageUri: {TRAIN_IMAGE}", f"{POOL}.containerSpec.imageUri", "{TRAIN_IMAGE}"),
        ("imageUri: gcr.io/a/b", "imageUri: '{TRAIN_IMAGE}'", f"{POOL}.containerSpec.imageUri", "{TRAIN_IMAGE}"),
        ("imageUri: gcr.io/a/b", "imageUri: 'gcr.io/${PROJECT}/b'", f"{POOL}.containerSpec.imageUri", "${PROJECT}"),
        ("imageUri: gcr.io/a/b", "imageUri: gcr.io/$PROJECT/b", f"{POOL}.containerSpec.imageUri", "$PROJECT"),
        ("imageUri: gcr.io/a/b", "imageUri: gcr.io/<project>/b", f"{POOL}.containerSpec.imageUri", "<project>"),
        (
            "imageUri: gcr.io/a/b",
            "imageUri: 'gcr.io/[your-project]/b'",
            f"{POOL}.containerSpec.imageUri",
            "[your-project]",
        ),
        ("imageUri: gcr.io/a/b", "imageUri: 'gcr.io/{{project}}/b'", f"{POOL}.containerSpec.imageUri", "{{project}}"),
        (
            "n1-standard-4",
            "'${MACHINE:-n1-standard-4}'",
            f"{POOL}.machineSpec.machineType",
            "${MACHINE:-n1-standard-4}",
        ),
        ("replicaCount: 1", "replicaCount: ${N}", f"{POOL}.replicaCount", "${N}"),
        ("replicaCount: 1", "replicaCount: {N}", f"{POOL}.replicaCount", "{N}"),
        ("acceleratorCount: 1", "acceleratorCount: $N", f"{POOL}.machineSpec.acceleratorCount", "$N"),
        ("NVIDIA_TESLA_T4", "'${TYPE}'", f"{POOL}.machineSpec.acceleratorType", "${TYPE}"),
        ("{name: train}", "{name: 'train-${X}'}", "metadata.name", "${X}"),
        ("{name: train}", "{name: train, project: '${P}'}", "metadata.project", "${P}"),
        ("spec:\n", "lifecycle: {onChange: '${X}'}\nspec:\n", "lifecycle.onChange", "${X}"),
        (
            "    workerPoolSpecs",
            "    serviceAccount: <sa>@x.com\n    workerPoolSpecs",
            "spec.jobSpec.serviceAccount",
            "<sa>",
        ),
        (
            "    workerPoolSpecs",
            "    baseOutputDirectory: {outputUriPrefix: 'gs://[bucket]/x'}\n    workerPoolSpecs",
            "spec.jobSpec.baseOutputDirectory.outputUriPrefix",
            "[bucket]",
        ),
        (
            "containerSpec: {imageUri: gcr.io/a/b, args: [--x]}",
            "pythonPackageSpec: {executorImageUri: a, packageUris: [gs://b/c, gs://$B/d], pythonModule: m}",
            f"{POOL}.pythonPackageSpec.packageUris[1]",
            "$B",
        ),
    ],
)
def test_a_placeholder_where_no_template_is_filled_in_is_told(old: str, new: str, path: str, found: str) -> None:
    the_one_problem(change(CUSTOM, old, new), "placeholder", path, found, "no templating", "envsubst")


@pytest.mark.parametrize("value", ["${X}", "{X}", "$(X)", "\\$TRIAL_ID", "{{$.inputs}}", "<x>"])
@pytest.mark.parametrize("field", ["args: ['%s']", "command: ['%s']", "env: [{name: A, value: '%s'}]"])
def test_arguments_commands_and_environment_hold_anything(field: str, value: str) -> None:
    assert told(check(change(CUSTOM, "args: [--x]", field % value))) == []
