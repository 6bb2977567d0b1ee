"""`reconciler init`: a new stack that validates and plans at once."""

from __future__ import annotations

import re
from pathlib import Path

import click

from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import completions, outputs
from reconciler.files import schemas
from reconciler.vocabulary import errors

STACK = """\
# yaml-language-server: $schema={schema}
apiVersion: reconciler/v1
kind: Stack
metadata:
  name: {name}
  uid: "{uid}" # the ownership mark on every job of this stack; never change it
spec:
  backend: embedded # the emulator in this process; google for the real thing
  scopes: # everything this stack may touch
    - project: my-project
      locations: [us-central1]
"""

CREDENTIALS = """\
  ignore: [gha-creds-*.json] # google-github-actions/auth leaves its file where the repository was checked out
"""

SAMPLE = """\
# yaml-language-server: $schema={schema}
apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata:
  name: hello
spec:
  jobSpec:
    scheduling:
      timeout: 3600s
    workerPoolSpecs:
      - containerSpec:
          args: [--epochs=1]
          imageUri: us-docker.pkg.dev/my-project/images/hello:1.0.0
        machineSpec:
          machineType: n1-standard-4
        replicaCount: 1
"""

IGNORE = """\
# The store of lock, ledger and journals, and the embedded emulator's jobs
.reconciler/
# Saved plans hold what a create sends
*.plan.json
"""

IGNORE_CREDENTIALS = """\
# google-github-actions/auth leaves its credentials in the checkout
gha-creds-*.json
# Plans that a job downloads
.plan/
"""

PRE_COMMIT = """\
repos:
  - repo: local
    hooks:
      - id: reconciler-validate
        name: validate job manifests
        entry: reconciler validate
        language: system
        files: \\.(ya?ml|json)$
        pass_filenames: false
"""

PIPELINES = {"github": ".github/workflows/jobs.yaml", "gitlab": ".gitlab-ci.yml", "none": ""}
"""Where each --ci looks for its pipeline; the text stands in `new_stack/`."""


@click.command()
@click.argument("directory", default=".", metavar="[DIR]", shell_complete=completions.folders)
@click.option("--ci", type=click.Choice([*PIPELINES]), default="github", help="Whose CI to write a pipeline for.")
@click.pass_obj
def command(surroundings: Surroundings, directory: str, ci: str) -> int:
    """Start a new stack in DIR: stack file, sample manifest, schema, .gitignore, CI pipeline and pre-commit entry."""
    root = Path(directory)
    if (root / "reconciler.yaml").exists():
        raise errors.InputError(f"{root / 'reconciler.yaml'} is there already; nothing was written")
    sample = root / "jobs" / "hello.yaml"
    files = {
        root / "reconciler.yaml": STACK.format(
            schema=schemas.COPY, name=_name(root), uid=surroundings.chance.randbytes(4).hex()
        )
        + (CREDENTIALS if ci == "github" else ""),
        root / schemas.COPY: schemas.text_of(schemas.EVERYTHING),
        sample: SAMPLE.format(schema=f"../{schemas.COPY}"),
        root / ".gitignore": IGNORE + (IGNORE_CREDENTIALS if ci == "github" else ""),
        root / ".pre-commit-config.yaml": PRE_COMMIT,
    }
    if PIPELINES[ci]:
        files[root / PIPELINES[ci]] = (Path(__file__).parent / "new_stack" / f"{ci}.yaml").read_text(encoding="utf-8")
    for path, content in files.items():
        if path.exists():
            outputs.say(f"kept {path}, which was there already")
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            raise errors.InputError(f"{path.parent} cannot be made: {cause.strerror}") from cause
        outputs.save(path, content)
        click.echo(f"wrote {path}")
    if PIPELINES[ci]:
        outputs.say(f"Put the repository and commit of this tool in place of OWNER and COMMIT in {PIPELINES[ci]}")
    outputs.say("Next: reconciler validate, then reconciler plan")
    return 0


def _name(root: Path) -> str:
    """Make a stack name of the folder's: lower case, digits and dashes, a letter first."""
    name = re.sub(r"[^a-z0-9]+", "-", root.absolute().name.lower()).strip("-")
    return name[:63].rstrip("-") if name[:1].isalpha() else f"stack-{name}"[:63].rstrip("-")
