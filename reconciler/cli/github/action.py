"""What action.yml runs on a GitHub runner: one command, its outputs, its page in the step summary.

Run as `python -I -m reconciler.cli.github.action`, so that nothing in the checkout is imported. Holds no token.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.cli import main
from reconciler.cli import surroundings as outside
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import outputs
from reconciler.renderers import escape, step_summary
from reconciler.vocabulary import errors


def run(surroundings: Surroundings | None = None) -> int:
    """Run the command of the inputs. Its exit code is an output: a comment comes before the verdict."""
    around = surroundings or outside.of_process()
    action_input = around.environment.action_input
    with commands_off():
        try:
            folder = Path(action_input("FOLDER")).resolve(strict=True)
            step = {"validate": _validate, "plan": _plan, "apply": _apply}.get(action_input("COMMAND"))
            if step is None:
                raise errors.InputError(
                    f"the input command is {action_input('COMMAND')!r}", "write validate, plan or apply"
                )
            values = step(folder, around)
            _append(around, "OUTPUT", "".join(f"{name}={_line(value)}\n" for name, value in values.items()))
        except errors.ReconcilerError as problem:
            outputs.report(problem, around.environment.color)
            return problem.exit_code
    annotations = folder / "annotations"
    if annotations.exists():
        sys.stdout.write(annotations.read_text(encoding="utf-8"))  # commands, escaped by their renderer
    return 0


def _validate(folder: Path, around: Surroundings) -> dict[str, str]:
    sarif, text = folder / "validate.sarif", folder / "validate.txt"
    os.chdir(_path(around))
    code = main.run(
        ["validate", "-o", f"github={folder / 'annotations'}", "-o", f"sarif={sarif}", "-o", f"text={text}"],
        around,
    )
    if not text.exists():
        return {"exit-code": str(code)}
    result = text.read_text(encoding="utf-8")
    sys.stdout.write(result)
    _append(around, "STEP_SUMMARY", f"Manifests: {escape.code(result.splitlines()[-1])}\n")
    return {"exit-code": str(code), "sarif-file": str(sarif)}


def _plan(folder: Path, around: Surroundings) -> dict[str, str]:
    file = Path(around.environment.action_input("PLAN_FILE") or folder / "jobs.plan.json").absolute()
    file.unlink(missing_ok=True)  # one of an earlier step must not pass for this plan
    page, markdown = folder / "plan.html", folder / "plan.md"
    os.chdir(_path(around))
    selected = [part for glob in around.environment.action_input("SELECT").split() for part in ("--select", glob)]
    forms = ("-o", "text", "-o", f"markdown={markdown}", "-o", f"html={page}")
    code = main.run(["plan", "--out", str(file), *forms, *selected, *_allowed(around)], around)
    values = {"exit-code": str(code), "folder": str(folder)}
    if not file.exists():
        _append(around, "STEP_SUMMARY", f"No plan: `plan` ended with exit {code}, see the log.\n")
        return values
    _append(around, "STEP_SUMMARY", markdown.read_text(encoding="utf-8"))
    return values | _facts(json.loads(file.read_bytes())) | {"plan-file": str(file), "html-file": str(page)}


def _facts(plan: Mapping[str, Any]) -> dict[str, str]:
    counts = {action: str(count) for action, count in sorted(plan["summary"].items()) if action != "noop"}
    changes = any(count != "0" for count in counts.values())
    return {
        "digest": str(plan["digest"]),
        "has-changes": "true" if changes else "false",
        "blocked": "true" if plan["blocked"] else "false",
        **counts,
    }


def _apply(folder: Path, around: Surroundings) -> dict[str, str]:
    digest, named = (around.environment.action_input(name) for name in ("EXPECT_DIGEST", "PLAN_FILE"))
    if not digest or not named:
        raise errors.InputError(
            "apply needs the inputs plan-file and expect-digest, and one of them is empty",
            "hand over the outputs of the plan that was reviewed",
        )
    file, outcome = Path(named).absolute(), folder / "outcome.json"
    if not file.is_file():
        raise errors.InputError(f"{named} is no file", "download the plan that was reviewed, then name it")
    os.chdir(_path(around))
    code = main.run(
        ["apply", str(file), "--expect-digest", digest, "-o", "text", "-o", f"json={outcome}", *_allowed(around)],
        around,
    )
    _append(
        around,
        "STEP_SUMMARY",
        step_summary.outcomes(json.loads(outcome.read_bytes())) if outcome.exists() else step_summary.nothing(code),
    )
    return {"exit-code": str(code), "digest": digest, "plan-file": str(file)}


def _path(around: Surroundings) -> Path:
    path = Path(around.environment.action_input("PATH") or ".")
    if not path.is_dir():
        raise errors.InputError(f"the input path {str(path)!r} is no folder of the checkout", "name a stack's folder")
    return path


def _allowed(around: Surroundings) -> list[str]:
    flags = {"--allow-cancel": "ALLOW_CANCEL", "--allow-delete": "ALLOW_DELETE"}
    numbers = {flag: around.environment.action_input(name) for flag, name in flags.items()}
    given = [part for flag, number in numbers.items() if number for part in (flag, number)]
    return [*given, "--allow-older"] if around.environment.action_input("ALLOW_OLDER") == "true" else given


@contextmanager
def commands_off() -> Iterator[None]:
    """Keep the runner from taking a line of ours for a workflow command: names and values come from anybody."""
    word = secrets.token_hex(16)
    sys.stdout.write(f"::stop-commands::{word}\n")
    sys.stdout.flush()
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stdout.write(f"::{word}::\n")
        sys.stdout.flush()


def _append(around: Surroundings, name: str, text: str) -> None:
    """Add to a file of the runner, which may hold other steps' lines already."""
    with Path(around.environment.github(name)).open("a", encoding="utf-8") as stream:
        stream.write(text)


def _line(value: str) -> str:
    if "\n" in value or "\r" in value:
        raise errors.InputError("an output would take two lines", "name files without line breaks")
    return value


if __name__ == "__main__":
    sys.exit(run())
