import pytest

from reconciler.core.validate import stack_file
from reconciler.files import schemas, yaml_reader
from reconciler.vocabulary.model import Limits, Problem, Scope, Stack, show_path
from tests.unit.core.validate.samples import KINDS, change

SCHEMA = schemas.load_schema("reconciler/v1/Stack.json")

STACK = """\
apiVersion: reconciler/v1
kind: Stack
metadata: {name: vision, uid: 3fa94c1b}
spec:
  backend: embedded
  scopes: [{project: demo, locations: [us-central1]}]
"""


def read(text: str) -> tuple[Stack | None, tuple[Problem, ...]]:
    (document,) = yaml_reader.read(text, "reconciler.yaml").documents
    return stack_file.stack(document, root="/s", schema=SCHEMA, kinds=KINDS, suggested_uid="0badcafe")


def stack_of(text: str) -> Stack:
    stack, problems = read(text)
    assert problems == ()
    assert stack is not None
    return stack


def test_a_short_stack_file_gets_the_defaults_of_the_contract() -> None:
    stack = stack_of(STACK)
    assert (stack.name, stack.uid, stack.root, stack.backend) == ("vision", "3fa94c1b", "/s", "embedded")
    assert stack.scopes == (Scope("demo", "us-central1"),)
    assert (stack.default_project, stack.default_location) == ("demo", "us-central1")
    assert stack.manifests == ("**/*.yaml", "**/*.yml", "**/*.json")
    assert (stack.limits, stack.store, stack.settle, stack.ignore) == (Limits(0.3, 0.3, 10), ".reconciler", 30.0, ())


def test_every_key_of_a_stack_file_is_read() -> None:
    more = """\
  defaults: {project: demo, location: us-central1, labels: {team: vision}, lifecycle: {onChange: keep}}
  kinds: [NasJob, CustomJob]
  manifests: [jobs/**]
  ignore: [jobs/values.yaml]
  limits: {cancel: 12.5%, delete: 0%, from: 3}
  store: none
  settle: 1500ms
"""
    stack = stack_of(STACK + more)
    assert (stack.default_labels, stack.default_lifecycle) == ({"team": "vision"}, {"onChange": "keep"})
    assert stack.kinds == ("CustomJob", "NasJob")
    assert (stack.manifests, stack.ignore) == (("jobs/**",), ("jobs/values.yaml",))
    assert (stack.limits, stack.store, stack.settle) == (Limits(0.125, 0.0, 3), "none", 1.5)


@pytest.mark.parametrize(
    ("scopes", "project", "location"),
    [
        ("[{project: a, locations: [l]}]", "a", "l"),
        ("[{project: a}]", "a", ""),
        ("[{project: a, locations: [l, m]}]", "a", ""),
        ("[{project: a, locations: [l]}, {project: b, locations: [l]}]", "", ""),
    ],
)
def test_one_lone_scope_is_its_own_default(scopes: str, project: str, location: str) -> None:
    stack = stack_of(change(STACK, "[{project: demo, locations: [us-central1]}]", scopes))
    assert (stack.default_project, stack.default_location) == (project, location)


@pytest.mark.parametrize(
    "backend", ["google", "http://127.0.0.1:8080", "http://localhost:1", "'http://[::1]:65535'", "http://127.0.0.1:80/"]
)
def test_a_backend_is_google_embedded_or_this_machine(backend: str) -> None:
    assert stack_of(change(STACK, "embedded", backend)).backend == backend.strip("'").rstrip("/")


@pytest.mark.parametrize(
    ("old", "new", "rule", "path", "fragment"),
    [
        (", uid: 3fa94c1b", "", "missing-field", "metadata.uid", '"0badcafe"'),
        ("3fa94c1b", "3FA94C1B", "bad-format", "metadata.uid", '"0badcafe"'),
        ("3fa94c1b", "12345678", "wrong-type", "metadata.uid", "0badcafe"),
        ("name: vision", "name: Vision", "bad-format", "metadata.name", "Lower-case"),
        ("embedded", "https://example.com", "bad-format", "spec.backend", "no other host"),
        ("embedded", "http://10.0.0.1:80", "bad-format", "spec.backend", "127.0.0.1"),
        ("embedded", "http://127.0.0.1.example.com:80", "bad-format", "spec.backend", "127.0.0.1"),
        ("embedded", "http://127.0.0.1:80@example.com", "bad-format", "spec.backend", "127.0.0.1"),
        ("embedded", "http://127.0.0.1:99999", "bad-format", "spec.backend", "65535"),
        ("  backend: embedded\n", "", "missing-field", "spec.backend", ""),
        ("[{project: demo, locations: [us-central1]}]", "[]", "out-of-bounds", "spec.scopes", "at least 1"),
        ("[us-central1]", "['x.example.com/']", "bad-format", "spec.scopes[0].locations[0]", "location"),
        ("[us-central1]", "us-central1", "wrong-type", "spec.scopes[0].locations", "a list"),
        ("{project: demo,", "{project: demo}, {project: demo,", "duplicate-scope", "spec.scopes[1]", "Merge"),
        ("  backend", "  settle: 30\n  backend", "wrong-type", "spec.settle", "30s by default"),
        ("  backend", "  settle: soon\n  backend", "bad-format", "spec.settle", "30s by default"),
        ("  backend", "  limits: {cancel: 30}\n  backend", "wrong-type", "spec.limits.cancel", "such as 30%"),
        ("  backend", "  limits: {cancel: 130%}\n  backend", "bad-format", "spec.limits.cancel", "such as 30%"),
        ("  backend", "  kinds: [CustomJobs]\n  backend", "unknown-kind", "spec.kinds[0]", "CustomJob"),
        ("  backend", "  manifest: ['*']\n  backend", "unknown-field", "spec.manifest", "Did you mean manifests"),
        ("  backend", "  manifests: ['../*.yaml']\n  backend", "outside-stack", "spec.manifests[0]", "below the stack"),
        ("  backend", "  ignore: [/etc]\n  backend", "outside-stack", "spec.ignore[0]", "below the stack"),
        ("  backend", "  store: ../x\n  backend", "outside-stack", "spec.store", "below the stack"),
        ("  backend", "  store: /var/x\n  backend", "outside-stack", "spec.store", "below the stack"),
        ("  backend", "  store: s3://x\n  backend", "outside-stack", "spec.store", "folder"),
        ("  backend", "  store: ${HOME}\n  backend", "outside-stack", "spec.store", "placeholder"),
        ("  backend", "  defaults: {project: other}\n  backend", "scope-outside", "spec.defaults.project", "scopes"),
        ("  backend", "  defaults: {location: x}\n  backend", "scope-outside", "spec.defaults.location", "scopes"),
        (
            "  backend",
            "  defaults: {lifecycle: {onChange: x}}\n  backend",
            "bad-enum",
            "spec.defaults.lifecycle.onChange",
            "",
        ),
        ("  backend", "  defaults: {labels: {A: b}}\n  backend", "bad-label", "spec.defaults.labels.A", "lower-case"),
        ("{name: vision,", "{name: vision, formerUids: [A1],", "bad-format", "metadata.formerUids[0]", ""),
        ("kind: Stack", "kind: Stak", "bad-value", "kind", '"Stack"'),
        ("reconciler/v1", "reconciler/v2", "bad-value", "apiVersion", '"reconciler/v1"'),
    ],
)
def test_a_fault_of_a_stack_file_is_told(old: str, new: str, rule: str, path: str, fragment: str) -> None:
    stack, (problem,) = read(change(STACK, old, new))
    assert stack is None
    assert (problem.rule, show_path(problem.path), problem.file) == (rule, path, "reconciler.yaml")
    assert fragment in f"{problem.message} {problem.hint}"


def test_all_faults_of_a_stack_file_are_told_at_once() -> None:
    text = STACK.replace("embedded", "here").replace("3fa94c1b", "x").replace("demo", "Demo")
    assert [show_path(each.path) for each in read(text)[1]] == [
        "metadata.uid",
        "spec.backend",
        "spec.scopes[0].project",
    ]


@pytest.mark.parametrize("text", ["metadata: x\nspec: y", "spec: {scopes: x, defaults: {lifecycle: []}}", "a: 1"])
def test_a_stack_file_of_any_shape_is_answered_with_problems(text: str) -> None:
    stack, problems = read(text)
    assert stack is None
    assert problems
