"""Behaviours that nobody has recorded, each with a name, a default and its other choices; they change the data
of behaviour.

It serves nothing: what is chosen here is read where the data are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.emulator.behaviour import Behaviour, Step
from reconciler.emulator.behaviour.rules import Rule, Rules
from reconciler.emulator.faults.model import Fault, MaskIgnored, MaskRefused
from reconciler.vocabulary import errors


@dataclass(frozen=True, slots=True)
class Switch:
    """One behaviour, of one `api` or of all. `source` begins as the sources of the behaviour data do: they give its grade."""

    name: str
    default: str
    choices: tuple[str, ...]
    does: str
    source: str
    api: str = ""


_VERTEX = "aiplatform.googleapis.com/v1"

SWITCHES: tuple[Switch, ...] = (
    Switch(
        "cancel-of-ended",
        "refused",
        ("refused", "taken"),
        "a cancel of a job that has ended is answered 400 FAILED_PRECONDITION, or 200 without effect",
        "unverified for job kinds; recorded for trainingPipelines: java-docs-samples#9281",
    ),
    Switch(
        "cancel-shows-cancelling",
        "no",
        ("no", "yes"),
        "CustomJob and NasJob show JOB_STATE_CANCELLING between the cancel and its end",
        "unverified: never seen for custom jobs (sampled every 10 s), seen for batchPredictionJobs",
        _VERTEX,
    ),
    Switch(
        "cancel-takes",
        "1s",
        ("1s", "31s"),
        "how long a CustomJob or NasJob takes from the cancel to JOB_STATE_CANCELLED",
        "recorded: Cloud Custodian, 2026 (1 s for custom jobs, 31 s for batchPredictionJobs)",
        _VERTEX,
    ),
    Switch(
        "delete-of-active",
        "refused",
        ("refused", "allowed"),
        "a delete of an active job is answered 400 FAILED_PRECONDITION, or carried out",
        "unverified; documented for batchPredictionJobs: only finished jobs may be deleted",
    ),
    Switch(
        "delete-operation",
        "done",
        ("done", "polled"),
        "the operation of a delete is done in the reply, or only once it is read or waited for",
        "recorded: Cloud Custodian, 2026 (done at once in 18 of 18 deletes); the other form is documented",
    ),
    Switch(
        "list-order",
        "updated",
        ("updated", "created"),
        "lists are ordered by updateTime or by createTime, latest first",
        "unverified for customJobs and nasJobs; recorded for batchPredictionJobs: by updateTime",
    ),
    Switch(
        "list-rows",
        "trimmed",
        ("trimmed", "full"),
        "a list of NasJobs leaves nasJobOutput out, or shows it",
        "proto: comment of ListNasJobsResponse",
    ),
    Switch(
        "list-window",
        "90d",
        ("90d", "unlimited"),
        "lists of ml jobs show those created in the last 90 days, or all",
        "AI Platform docs: only jobs of the last 90 days are listed",
    ),
    Switch(
        "page-size",
        "100",
        ("20", "100", "1000"),
        "rows on a page of CustomJobs and NasJobs where none are asked for",
        "unverified: no page states a default; AIP-158 leaves it to the service",
        _VERTEX,
    ),
    Switch(
        "most-rows",
        "1000",
        ("100", "1000"),
        "most rows on a page of CustomJobs and NasJobs, more are cut down silently",
        "unverified: no page states a maximum; AIP-158: too large is capped",
        _VERTEX,
    ),
    Switch(
        "read-mask",
        "honoured",
        ("honoured", "ignored", "refused"),
        "a readMask leaves fields out, changes nothing, or is answered 400",
        "unverified: documented as a parameter, its effect on job lists was never recorded",
    ),
    Switch(
        "label-length",
        "63",
        ("63", "64"),
        "most characters of a label's key and of its value",
        "recorded: statmike/vertex-ai-mlops#6 (less than 64); the protos say up to 64",
    ),
    Switch(
        "disk-spec",
        "filled",
        ("filled", "absent-only"),
        "a diskSpec with one half given gets the other half, or only an absent diskSpec is filled in",
        "unverified: only requests without a diskSpec were recorded",
    ),
    Switch(
        "output-uri-slash",
        "as-given",
        ("as-given", "added"),
        "an outputUriPrefix comes back as it was sent, or ends with a slash",
        "unverified: documented that '/' is appended, the form that is echoed is not",
    ),
    Switch(
        "stale-etag",
        "aborted",
        ("aborted", "failed-precondition"),
        "an ml patch with an etag that moved is answered 409 ABORTED or 400 FAILED_PRECONDITION",
        "unverified: 409 is the general practice for etags",
    ),
    Switch(
        "id-without-number",
        "missing",
        ("missing", "refused"),
        "a Vertex job's name that ends in no number is answered 404, or 400 INVALID_ARGUMENT",
        "unverified: a client of NasJobs takes 400 for one that is gone",
        _VERTEX,
    ),
    Switch(
        "pool-without-task",
        "taken",
        ("taken", "refused"),
        "a worker pool with neither containerSpec nor pythonPackageSpec is taken, or answered 400",
        "unverified: the proto has a oneof without REQUIRED",
    ),
    Switch(
        "retired-accelerators",
        "taken",
        ("taken", "refused"),
        "a machine with an accelerator that ended, the K80, is taken, or answered 400",
        "recorded: python-docs-samples#13233 (2025: refused); job files in use still name it",
    ),
    Switch(
        "tensorboard-account",
        "any",
        ("any", "required"),
        "a job with a Tensorboard and no service account is taken, or answered 400",
        "unverified: a client's documentation calls it required (google-cloud-aiplatform 2.7.0)",
    ),
    Switch(
        "network-name",
        "any",
        ("any", "full"),
        "a network that is no `projects/.../global/networks/...` is taken, or answered 400",
        "unverified: the proto gives the form, job files in use have short names",
    ),
)
"""Every switch. The first name that differs from its default is worth a line in a bug report."""

_BY_NAME: Mapping[str, Switch] = {switch.name: switch for switch in SWITCHES}


def read(texts: Iterable[str]) -> dict[str, str]:
    """Read `name=choice` texts into choices by name. Raises errors.InputError that tells every one that is none."""
    chosen, wrong = {}, []
    for text in texts:
        name, _, choice = text.partition("=")
        switch = _BY_NAME.get(name)
        if switch is None:
            wrong.append(f"`{text}`: there is no behaviour `{name}`")
        elif choice not in switch.choices:
            wrong.append(f"`{text}`: the choices of `{name}` are {', '.join(switch.choices)}")
        else:
            chosen[name] = choice
    if wrong:
        raise errors.InputError("; ".join(wrong), f"the behaviours are {', '.join(sorted(_BY_NAME))}")
    return chosen


def behaviours(by_kind: Mapping[str, Behaviour], chosen: Mapping[str, str]) -> dict[str, Behaviour]:
    """Return the behaviour of every kind as chosen; choices that are the default change nothing."""
    changed = dict(by_kind)
    for name, choice in sorted(chosen.items()):
        turn, switch = _TURNS.get(name), _BY_NAME[name]
        if turn is not None and choice != switch.default:
            changed |= {kind: turn(each, choice) for kind, each in changed.items() if switch.api in ("", each.api.name)}
    return changed


def faults(chosen: Mapping[str, str]) -> tuple[Fault, ...]:
    """Return the faults that stand for choices: those that bend every reply alike."""
    match chosen.get("read-mask"):
        case "ignored":
            return (Fault(MaskIgnored()),)
        case "refused":
            return (Fault(MaskRefused()),)
    return ()


def _shows_cancelling(behaviour: Behaviour, _: str) -> Behaviour:
    first = behaviour.cancel[0]
    # recorded for batchPredictionJobs: CANCELLING about as long before the end as the end took to come
    return replace(behaviour, cancel=(Step(first.after / 2, "JOB_STATE_CANCELLING"), *behaviour.cancel))


def _cancel_takes(behaviour: Behaviour, choice: str) -> Behaviour:
    seconds = float(choice.removesuffix("s"))
    factor = seconds / behaviour.cancel[-1].after
    return replace(behaviour, cancel=tuple(replace(step, after=step.after * factor) for step in behaviour.cancel))


def _rules(behaviour: Behaviour, change: Callable[[Rules], Rules]) -> Behaviour:
    return replace(behaviour, rules=change(behaviour.rules))


def _turned_on(rules: Iterable[Rule], name: str = "") -> tuple[Rule, ...]:
    return tuple(replace(rule, on=True) if not name or rule.name == name else rule for rule in rules)


_TURNS: Mapping[str, Callable[[Behaviour, str], Behaviour]] = {
    "cancel-of-ended": lambda behaviour, _: replace(behaviour, late_cancel=""),
    "cancel-shows-cancelling": _shows_cancelling,
    "cancel-takes": _cancel_takes,
    "delete-of-active": lambda behaviour, _: replace(behaviour, live_delete=""),
    "delete-operation": lambda behaviour, _: replace(behaviour, polled_delete=True),
    "list-order": lambda behaviour, _: replace(behaviour, by_creation=True),
    "list-rows": lambda behaviour, _: replace(behaviour, omits=()),
    "list-window": lambda behaviour, _: replace(behaviour, days=0),
    "page-size": lambda behaviour, choice: replace(behaviour, page_default=int(choice)),
    "most-rows": lambda behaviour, choice: replace(behaviour, page_maximum=int(choice)),
    "label-length": lambda behaviour, choice: _rules(
        behaviour,
        lambda rules: replace(rules, labels={**rules.labels, "length": int(choice), "bytes": 2 * int(choice)}),
    ),
    "disk-spec": lambda behaviour, _: _rules(
        behaviour, lambda rules: replace(rules, defaults=tuple(replace(rule, on=False) for rule in rules.defaults))
    ),
    "output-uri-slash": lambda behaviour, _: _rules(
        behaviour, lambda rules: replace(rules, slashes=_turned_on(rules.slashes))
    ),
    "stale-etag": lambda behaviour, _: replace(behaviour, stale_etag="FAILED_PRECONDITION"),
    "id-without-number": lambda behaviour, _: replace(behaviour, numeric_ids=True),
    "pool-without-task": lambda behaviour, _: _rules(
        behaviour, lambda rules: replace(rules, oneofs=_turned_on(rules.oneofs, "task"))
    ),
    "retired-accelerators": lambda behaviour, _: _rules(
        behaviour, lambda rules: replace(rules, accelerators=_turned_on(rules.accelerators))
    ),
    "tensorboard-account": lambda behaviour, _: _rules(
        behaviour, lambda rules: replace(rules, needs=_turned_on(rules.needs))
    ),
    "network-name": lambda behaviour, _: _rules(
        behaviour, lambda rules: replace(rules, patterns=_turned_on(rules.patterns))
    ),
}
