"""The laws at the end of a schedule, once everything is quiet: asked of the truth, never of the code under test."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.spec import fingerprint
from reconciler.vocabulary import ports
from reconciler.vocabulary.kinds import Phase
from tests.simulation.site import Site
from tests.simulation.truth import Job
from tests.simulation.wishes import Wish

OURS = ("tool: duplicate",)
"""Causes that are no outcome of a run."""


def hold(site: Site, edited: Iterable[tuple[str, str]]) -> None:
    """Hold what is there to what the manifests say."""
    site.truth.look(site.baton.now(), "clone")
    for wish in site.wishes.values():
        jobs = site.truth.of(wish.kind, wish.name, *([wish.formerly] if wish.formerly else []))
        _one_run(site, wish, jobs)
        _token(site, wish, jobs)
    _removed(site)
    _foreign(site)
    if site.shared:
        _once(site, set(edited))
        _ledger(site, site.store(0, None))


def _one_run(site: Site, wish: Wish, jobs: list[Job]) -> None:
    """Law: one active run of the wanted spec, unless it ended by somebody's will or by itself; none of another."""
    image = f"gcr.io/a/b:{wish.version}"
    where = f"{wish.kind}/{wish.name}"
    active = [job for job in jobs if job.active and not site.truth.is_stripped(job)]
    if any(job.active and site.truth.is_stripped(job) for job in jobs):
        if wish.desired == "Present" and any(job.made > at for job in active for at in _stripped(site, jobs)):
            site.truth.broken(f"{where} was started beside a job that lost our labels and lives")
        return
    if wish.desired != "Present":
        if active:
            site.truth.broken(f"{where} is {wish.desired} and {len(active)} run(s) are active")
        if wish.desired == "Absent" and wish.kind != "Job" and any(not job.gone for job in jobs):
            site.truth.broken(f"{where} is Absent and records are there")
        return
    right = [job for job in active if job.image == image]
    if len(right) > 1:
        site.truth.broken(f"{where} has {len(right)} active runs")
    if len(active) > len(right):
        site.truth.broken(f"{where} has an active run of another spec")
    if not right and not any(job.image == image and job.causes - set(OURS) for job in jobs):
        site.truth.broken(f"{where} has no active run, and none of its spec ended: {[sorted(j.causes) for j in jobs]}")


def _stripped(site: Site, jobs: list[Job]) -> list[float]:
    """Return when the jobs lost our labels that still live."""
    return [site.truth.stripped[job.kind, job.id] for job in jobs if job.active and site.truth.is_stripped(job)]


def _token(site: Site, wish: Wish, jobs: list[Job]) -> None:
    """Law: a new token starts one run, and only one."""
    if not wish.token or wish.desired != "Present":
        return
    if any(site.truth.is_stripped(job) and (job.active or not site.shared) for job in jobs):
        return  # nothing starts beside it, and without a ledger nobody knows which token it carried
    image, token = f"gcr.io/a/b:{wish.version}", fingerprint.token_hash(wish.token)
    asked = {job.key for job in jobs if job.token == token and job.image == image}
    if not asked:
        site.truth.broken(f"{wish.kind}/{wish.name}: the token {wish.token} started no run")


def _removed(site: Site) -> None:
    """Law: a removed manifest's runs are stopped, but for those to be kept."""
    named = {(wish.kind, name) for wish in site.wishes.values() for name in (wish.name, wish.formerly)}
    for at, job in site.truth.jobs.items():
        here = (job.kind, job.name)
        if at in site.truth.foreign or at in site.truth.stripped or here in named or not job.active or not job.name:
            continue
        if not site.policies.may_stay(job):
            site.truth.broken(f"{job.kind}/{job.name} has no manifest and goes on")


def _foreign(site: Site) -> None:
    for at in site.truth.foreign:
        job = site.truth.jobs[at]
        if job.gone or job.causes - {"ended by itself"}:
            site.truth.broken(f"the foreign job {at} was touched: {sorted(job.causes)}")


def _once(site: Site, edited: set[tuple[str, str]]) -> None:
    """Law: an address nobody edited runs once, however its run ended and whatever became of its record."""
    for wish in site.wishes.values():
        jobs = site.truth.of(wish.kind, wish.name)
        if wish.address in edited or wish.rerun or any("unseen" in job.causes for job in jobs):
            continue
        keys = sorted({job.key for job in jobs})
        if len(keys) > 1:
            site.truth.broken(f"{wish.kind}/{wish.name} ran {len(keys)} times: {[key[:6] for key in keys]}")


def _ledger(site: Site, store: ports.Store) -> None:
    """Law: the ledger and the journals can be read, hold each run once and tell the truth about it."""
    runs = store.ledger.runs()
    keys = [run.run_key for run in runs]
    if len(keys) != len(set(keys)):
        site.truth.broken("the ledger holds a run twice")
    if store.journals.open_intents():
        site.truth.broken(f"intents are open: {[each.address for each in store.journals.open_intents()]}")
    for run in runs:
        jobs = [job for job in site.truth.jobs.values() if (job.kind, job.key) == (run.kind, run.run_key)]
        if not jobs:
            site.truth.broken(f"the ledger holds {run.address} {run.run_key}, which never was")
            continue
        if run.phase is not None and any(site.truth.is_stripped(job) and not job.gone for job in jobs):
            site.truth.broken(f"the ledger says {run.phase.value} of {run.address}, which lost our labels and is there")
        if run.phase in (None, Phase.ENDED_UNKNOWN):
            continue
        ends = {job.state for job in jobs if not job.active and job.causes != set(OURS)}
        if run.phase.value not in ends:
            told = [(job.state, sorted(job.causes)) for job in jobs]
            site.truth.broken(f"the ledger says {run.phase.value} of {run.address} {run.run_key[:6]}: {told}")
