"""What people do between two calls: stop, delete, clone and relabel jobs by hand, and edit manifests."""

from __future__ import annotations

import json
import random
from dataclasses import replace

from tests.simulation.service import PLACES, Live
from tests.simulation.site import Site
from tests.simulation.wishes import STACK, Wish

DEEDS = {
    "edit": 5,
    "remove": 2,
    "restore": 2,
    "rename": 2,
    "token": 2,
    "relabel manifest": 2,
    "policy": 2,
    "safer": 2,
    "looser": 2,
    "cancel wanted": 1,
    "absent": 2,
    "cancel": 3,
    "fail": 4,
    "succeed": 2,
    "delete": 4,
    "clone": 2,
    "relabel": 2,
    "hijack": 2,
    "strip": 2,
    "wait": 2,
}
"""Deeds with their weights."""


class People:
    """They act now and then, as the seed says; every deed is written into the trace."""

    def __init__(self, site: Site, chance: random.Random, often: float) -> None:
        self._site = site
        self._chance = chance
        self._often = often
        self._gone: list[Wish] = []
        self._turned: set[tuple[str, str]] = set()
        self.edited: set[tuple[str, str]] = set()

    def between(self) -> None:
        """Act at a turn, or do not."""
        if self._chance.random() < self._often:
            self.act()

    def act(self) -> None:
        """Do one thing; nothing where it cannot be done now."""
        [deed] = self._chance.choices(tuple(DEEDS), tuple(DEEDS.values()))
        if deed != "wait" or not self._sending():
            self.do(deed)

    def _sending(self) -> bool:
        """Say whether a create may be on its way: no process is held up for minutes between its intent and its call."""
        runners = range(3) if self._site.mode == "split" else range(1)
        stores = [self._site.store(runner, None) for runner in runners]
        return any(each.verb == "create" for store in stores for each in store.journals.open_intents())

    def do(self, deed: str) -> None:
        """Do this; nothing where it cannot be done now."""
        told = getattr(self, f"_{deed.replace(' ', '_')}")()
        if told:
            self._site.seen[f"people: {deed}"] += 1
            self._site.seen[f"people: {deed} ({self._site.mode})"] += 1
            self._site.tell(f"people {deed} {told}")
            self._site.truth.look(self._site.baton.now(), "clone")

    # ------------------------------------------------------------ manifests

    def _pick(self) -> Wish:
        return self._site.wishes[self._chance.choice(sorted(self._site.wishes))]

    def _write(self, wish: Wish) -> str:
        self._site.wishes[wish.address] = wish
        self.edited.add(wish.address)
        for name in (wish.name, wish.formerly):
            self._site.gone.pop((wish.kind, name), None)
        return f"{wish.kind}/{wish.name} v{wish.version} {wish.desired} {wish.token}"

    def _edit(self) -> str:
        wish = self._pick()
        return self._write(replace(wish, version=wish.version % 3 + 1, desired="Present"))

    def _remove(self) -> str:
        if len(self._site.wishes) < 4:
            return ""
        wish = self._pick()
        return self._take_away(wish)

    def _take_away(self, wish: Wish) -> str:
        del self._site.wishes[wish.address]
        self._gone.append(wish)
        self.edited.add(wish.address)
        for name in (wish.name, wish.formerly):
            self._site.gone[wish.kind, name] = self._site.baton.now()
        return f"{wish.kind}/{wish.name}"

    def _restore(self) -> str:
        if not self._gone:
            return ""
        wish = self._gone.pop(self._chance.randrange(len(self._gone)))
        return "" if wish.address in self._site.wishes else self._write(wish)

    def _rename(self) -> str:
        wish = self._pick()
        if wish.formerly:
            return ""
        del self._site.wishes[wish.address]
        self.edited.add(wish.address)
        return self._write(replace(wish, name=f"{wish.name}-2", formerly=wish.name))

    def _rename_stack(self) -> str:
        self._site.name = f"{STACK.name}-{self._site.seen['people: rename stack'] + 2}"
        return self._site.name

    def _token(self) -> str:
        wish = self._pick()
        return self._write(replace(wish, token=f"t{len(wish.token) + self._chance.randint(1, 2)}"))

    def _relabel_manifest(self) -> str:
        """Change a label, on a kind whose API can patch it."""
        found = [wish for _, wish in sorted(self._site.wishes.items()) if wish.kind == "Job"]
        if not found:
            return ""
        wish = self._chance.choice(found)
        return self._write(replace(wish, team="speech" if wish.team == "vision" else "vision"))

    def _policy(self) -> str:
        wish = self._pick()
        return self._write(replace(wish, member=self._chance.choice(("ann", "bob")))) if wish.kind == "Job" else ""

    def _turn(self, removal: str) -> str:
        """Say another removal policy, and nothing else: no address is edited by that."""
        found = [wish for _, wish in sorted(self._site.wishes.items()) if wish.removal != removal]
        if not found:
            return ""
        wish = self._chance.choice(found)
        self._site.wishes[wish.address] = replace(wish, removal=removal)
        self._turned.add(wish.address)
        return f"{wish.kind}/{wish.name} {wish.removal} to {removal}"

    def _safer(self) -> str:
        return self._turn(self._chance.choice(("keep", "ask")))

    def _looser(self) -> str:
        return self._turn(self._chance.choice(("cancel", "delete")))

    def _unname(self) -> str:
        """Remove a manifest whose removal policy was edited before; rather one whose last record alone keeps a run."""
        turned = [wish for address, wish in sorted(self._site.wishes.items()) if address in self._turned]
        policies, jobs = self._site.policies, self._site.truth.of
        telling = [
            wish
            for wish in turned
            if any(job.active and self._tells(policies.of(job), {*job.stamps}) for job in jobs(wish.kind, wish.name))
        ]
        return self._take_away(self._chance.choice(telling or turned)) if turned and len(self._site.wishes) > 2 else ""

    @staticmethod
    def _tells(recorded: set[str], stamped: set[str]) -> bool:
        """Say whether the last record alone keeps a run, or alone has its removal asked for."""
        return recorded in ({"keep"}, {"ask"}) and recorded != stamped

    def _cancel_wanted(self) -> str:
        return self._write(replace(self._pick(), desired="Cancelled"))

    def _absent(self) -> str:
        """Ask for a job's absence, of a kind whose API can delete."""
        found = [wish for _, wish in sorted(self._site.wishes.items()) if wish.kind != "Job"]
        return self._write(replace(self._chance.choice(found), desired="Absent")) if found else ""

    # ------------------------------------------------------------ jobs

    def _job(self, *, active: bool, kinds: tuple[str, ...] = ("CustomJob", "Job", "NasJob")) -> Live | None:
        found = [
            job
            for job in self._site.service.jobs()
            if job.active is active
            and not job.ending
            and job.kind in kinds
            and (job.kind, job.id) not in self._site.truth.foreign
        ]
        return self._chance.choice(found) if found else None

    def _cause(self, job: Live, cause: str) -> str:
        self._site.truth.look(self._site.baton.now(), "clone")
        self._site.truth.jobs[job.kind, job.id].causes.add(cause)
        return f"{job.kind}/{job.name} {job.id}"

    def _cancel(self) -> str:
        job = self._job(active=True)
        if job is None or self._site.service.quietly("POST", f"{job.place}:cancel", {}) is None:
            return ""
        return self._cause(job, "person cancelled")

    def _ended(self, state: str) -> str:
        job = self._job(active=True)
        if job is None:
            return ""
        full = state if job.kind == "Job" else f"JOB_STATE_{state}"
        self._site.service.set_state(job.place, full)
        return self._cause(job, f"person {state}")

    def _fail(self) -> str:
        return self._ended("FAILED")

    def _succeed(self) -> str:
        return self._ended("SUCCEEDED")

    def _delete(self) -> str:
        job = self._job(active=False, kinds=("CustomJob", "NasJob"))
        if job is None:
            return ""
        told = self._cause(job, "person deleted")
        if not self._remembers(job):
            self._site.truth.jobs[job.kind, job.id].causes.add("unseen")
        return told if self._site.service.quietly("DELETE", job.place) is not None else ""

    def _clone(self) -> str:
        """Copy an active job with its labels, as a console's Clone button does."""
        job = self._job(active=True, kinds=("CustomJob",))
        if job is None:
            return ""
        made = self._site.service.quietly("POST", PLACES[job.kind], json.loads(json.dumps(job.body)))
        return f"{job.kind}/{job.name} {job.id} as {made['name'].rpartition('/')[2]}" if made else ""

    def _patch(self, job: Live, labels: dict[str, str]) -> str:
        self._site.service.quietly("PATCH", f"{job.place}?updateMask=labels", {"labels": {**job.labels, **labels}})
        return f"{job.kind}/{job.name} {labels}"

    def _relabel(self) -> str:
        job = self._job(active=True, kinds=("Job",))
        if job is None:
            return ""
        key = self._chance.choice(("team", "note", "reconciler_removal"))
        if key == "reconciler_removal" and not self._remembers(job):
            return ""  # whoever first sees a run takes its label for what was written
        value = "delete" if key == "reconciler_removal" else self._chance.choice(("vision", "audio"))
        return self._patch(job, {key: value})

    def _hijack(self) -> str:
        """Set an ml job's removal label to delete, and remove the manifest, which says keep."""
        job = self._job(active=True, kinds=("Job",))
        wish = self._site.wishes.get((job.kind, job.name)) if job else None
        if job is None or wish is None or wish.removal != "keep" or not self._remembers(job):
            return ""
        self._patch(job, {"reconciler_removal": "delete"})
        return self._take_away(wish)

    def _strip(self) -> str:
        """Take our labels from an ml job: from then on nobody may touch it, and it lives on."""
        job = self._job(active=True, kinds=("Job",))
        if job is None or not job.name or (self._site.shared and not self._remembers(job, ended=False)):
            return ""  # of a run whose end was recorded before, as that of a cancelled duplicate, nothing can be held
        kept = {key: value for key, value in job.labels.items() if not key.startswith("reconciler_")}
        self._site.service.quietly("PATCH", f"{job.place}?updateMask=labels", {"labels": kept})
        self._site.truth.stripped[job.kind, job.id] = self._site.baton.now()
        return self._cause(job, "person stripped")

    def _remembers(self, job: Live, *, ended: bool = True) -> bool:
        """Say whether the ledger that all share holds the run of a job; without `ended` as one that has not ended."""
        if not self._site.shared:
            return False
        runs = [run for run in self._site.store(0, None).ledger.runs() if run.run_key == job.key]
        return any(ended or run.phase is None for run in runs)

    def _wait(self) -> str:
        seconds = self._chance.choice((20.0, 90.0, 700.0))
        self._site.baton.advance(seconds)
        return f"{seconds:.0f} s"
