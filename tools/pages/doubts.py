"""What nobody has shown about the job APIs, as data: what the emulator does instead, and what changes it."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.emulator.switches import SWITCHES
from tools.pages.fidelity_pages import grade
from tools.pages.markdown_tables import cell, code, table


@dataclass(frozen=True, slots=True)
class Doubt:
    """One open question. `switch` or `fault` changes what the emulator does; `why_none` says why nothing does."""

    question: str
    does: str
    switch: str = ""
    fault: str = ""
    why_none: str = ""
    probe: str = ""


DOUBTS: tuple[Doubt, ...] = (
    Doubt("cancel of a job that has ended", "400 FAILED_PRECONDITION", "cancel-of-ended", probe="life"),
    Doubt("cancel of a job that is being cancelled", "200, nothing more happens", why_none="a no-op either way"),
    Doubt("whether CANCELLING is seen", "not for Vertex, for a while for ml", "cancel-shows-cancelling", probe="life"),
    Doubt("how long a cancel takes", "1 s", "cancel-takes", probe="life"),
    Doubt("a cancel may lose against the job's own end", "it does not", fault="cancel_loses"),
    Doubt("delete of an active job", "400 FAILED_PRECONDITION", "delete-of-active", probe="life"),
    Doubt(
        "delete of a job that is not there",
        "404, as get and cancel (recorded)",
        why_none="one form",
        probe="missing-writes",
    ),
    Doubt("whether a delete's operation is ever unfinished", "done at once", "delete-operation", probe="life"),
    Doubt("updateTime of a job that succeeded", "equals endTime", why_none="one form", probe="life"),
    Doubt("`error` of EXPIRED and PARTIALLY_SUCCEEDED", "what setState is given", why_none="set it", probe=""),
    Doubt("default page size", "100", "page-size", probe="pages"),
    Doubt("largest page", "1,000", "most-rows", probe="pages"),
    Doubt("order of customJobs and nasJobs lists", "by updateTime, latest first", "list-order", probe="order"),
    Doubt("rows of a NasJob list", "without nasJobOutput", "list-rows", probe="rows"),
    Doubt(
        "whether AI Platform still answers", "as it did", why_none="what it answers today is the question", probe="ml"
    ),
    Doubt("how long ml jobs are listed", "90 days", "list-window"),
    Doubt("effect of a readMask", "leaves fields out", "read-mask", probe="mask"),
    Doubt("how soon a list shows a create", "at once", fault="list_lag", probe="life"),
    Doubt("rows that move while pages are read", "as jobs change", fault="row_shift"),
    Doubt("short and empty pages", "none", fault="short_pages"),
    Doubt(
        "how far filters follow AIP-160", "OR binds tighter than AND", why_none="the documented grammar", probe="filter"
    ),
    Doubt("lists over `locations/-`", "400", why_none="one form is enough to see a caller that asks", probe="wildcard"),
    Doubt("jobs in `global`, `us` and `eu`", "served like any location", why_none="no list of places", probe="places"),
    Doubt("get of an id that is no number", "404", "id-without-number", probe="odd-id"),
    Doubt(
        "text of a NasJob's 404",
        "The NasJob does not exist.",
        why_none="by analogy; no caller reads it",
        probe="missing",
    ),
    Doubt("a project that is not allow-listed for NasJobs", "every project is", fault="status", probe="nas-create"),
    Doubt("a worker pool without a task", "taken", "pool-without-task", probe="refusals"),
    Doubt("accelerators that ended (K80)", "taken", "retired-accelerators", probe="refusals"),
    Doubt("a tensorboard without a serviceAccount", "taken", "tensorboard-account"),
    Doubt("a network that is no full name", "taken", "network-name", probe="refusals"),
    Doubt(
        "path in the text of a oneof with two members", "the message's own path", why_none="text only", probe="refusals"
    ),
    Doubt("longest label (protos say 64, a reply says less)", "63", "label-length", probe="refusals"),
    Doubt("empty label values", "taken (a client of Google's sends one)", why_none="seen in use", probe="refusals"),
    Doubt("labels of ml jobs, `goog-` keys", "Vertex rules; `goog-` is taken", why_none="no text is known", probe=""),
    Doubt("a half given diskSpec", "the other half is filled in", "disk-spec", probe="echo"),
    Doubt("diskSpec in trials of NasJobs", "filled in as in CustomJobs", why_none="by analogy", probe="nas-create"),
    Doubt("form in which outputUriPrefix comes back", "as it was sent", "output-uri-slash", probe="echo"),
    Doubt(
        "whether scheduling and its defaults come back", "what was sent, no defaults", why_none="recorded", probe="echo"
    ),
    Doubt(
        "deprecated strategies (ON_DEMAND, LOW_COST)", "come back as sent", why_none="no caller compares", probe="echo"
    ),
    Doubt("replicaCount that is absent", "stays absent", why_none="proto3 omits zeros", probe="echo"),
    Doubt(
        "references inside a spec: id or number", "come back as sent", why_none="nothing looks them up", probe="echo"
    ),
    Doubt("scaleTier BASIC as value 0", "comes back as sent", why_none="no recording has it"),
    Doubt("ml cancel of an ended job", "400", "cancel-of-ended"),
    Doubt("ml etag that does not match", "409 ABORTED", "stale-etag"),
    Doubt("ml updateMask with other paths", "400 INVALID_ARGUMENT", fault="status"),
    Doubt("ml id that was used before", "409 ALREADY_EXISTS for good", why_none="there is no delete"),
    Doubt("etag of an empty policy", "ACAB", why_none="opaque to callers"),
    Doubt("a role that the creator of an ml job gets", "none", why_none="setIamPolicy writes one"),
    Doubt("permissions", "every caller holds them all", fault="status"),
    Doubt("quotas and their 429", "none", fault="status"),
    Doubt("organisation policies on create", "none", fault="status"),
    Doubt("forms of 401", "no credentials are read", fault="status"),
    Doubt(
        "a query parameter that no method has, such as requestId",
        "400",
        why_none="the form is recorded",
        probe="unknown",
    ),
)


def parts() -> dict[str, str]:
    """Return the generated parts of docs/fidelity.md about what is not known."""
    return {"switches": _switches(), "doubts": _doubts()}


def _switches() -> str:
    rows = (
        (
            code(each.name),
            ", ".join(code(f"{choice}") + (" (default)" if choice == each.default else "") for choice in each.choices),
            cell(each.does),
            grade(each.source),
            cell(each.source),
        )
        for each in SWITCHES
    )
    return table(("behaviour", "choices", "decides whether", "grade", "source of the default"), rows)


def _doubts() -> str:
    rows = (
        (cell(each.question), cell(each.does), _grade(each), _changed_by(each), code(each.probe) or "–")
        for each in DOUBTS
    )
    return table(("not known", "the emulator", "grade", "changed by", "probe"), rows)


def _grade(doubt: Doubt) -> str:
    """Grade what the emulator does; where it can be chosen, the default's source says."""
    found = [grade(switch.source) for switch in SWITCHES if switch.name == doubt.switch]
    return found[0] if found else "unverified"


def _changed_by(doubt: Doubt) -> str:
    if doubt.switch:
        return f"behaviour {code(doubt.switch)}"
    if doubt.fault:
        return f"fault {code(doubt.fault)}"
    return f"– ({cell(doubt.why_none)})"
