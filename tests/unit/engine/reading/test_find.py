"""Which run stands for an address: the one answer that every command that names an address gives."""

from __future__ import annotations

import pytest

from reconciler.engine.reading import find
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Run
from tests.support import samples
from tests.support.site import Site, desired

JOBS = samples.PATHS["Job"]


def found(site: Site, text: str, address: str) -> find.Found:
    return find.find(site.world(), site.stack, desired(text), address)


def apply(site: Site, text: str) -> Run:
    """Apply manifests of one job and return its run."""
    site.apply(site.plan(desired(text)))
    wanted = desired(text)[0]
    run = found(site, text, wanted.address).run
    assert run is not None
    return run


@pytest.mark.parametrize("kind", samples.KIND_TEXTS)
def test_a_renamed_run_is_found_under_its_new_address_and_told_of_under_the_old(site: Site, kind: str) -> None:
    text = samples.KIND_TEXTS[kind]
    run = apply(site, text)
    name = desired(text)[0].name
    renamed = samples.swap(text, (f"name: {name}", f"name: {name}-2, formerly: {name}"))
    assert found(site, renamed, f"{kind}/{name}-2").run == run
    with pytest.raises(errors.InputError, match=f"{kind}/{name} was renamed") as told:
        found(site, renamed, f"{kind}/{name}")
    assert f"{kind}/{name}-2" in told.value.hint


def test_a_run_stands_before_its_younger_duplicate_that_healing_cancelled(site: Site) -> None:
    run = apply(site, samples.ML)
    row = site.send("GET", run.resource)
    duplicate = {"jobId": "legacy_duplicate", "trainingInput": row["trainingInput"], "labels": row["labels"]}
    site.send("POST", JOBS, duplicate)
    site.send("POST", f"{JOBS}/legacy_duplicate:cancel")
    site.clock.advance(600)
    standing = found(site, samples.ML, "Job/legacy")
    assert standing.live.resource == run.resource
    assert [each.resource for each in standing.runs] == [run.resource, f"{JOBS}/legacy_duplicate"]


def test_of_two_specs_the_active_run_of_the_wanted_one_stands(site: Site) -> None:
    first = apply(site, samples.CUSTOM)
    keeping = samples.swap(samples.CUSTOM, ("onChange: replace", "onChange: keep"), ("epochs=1", "epochs=2"))
    assert found(site, keeping, "CustomJob/train").live.resource == first.resource
    second = apply(site, samples.swap(keeping, ("onChange: keep", "onChange: replace")))
    assert second.resource != first.resource
    assert found(site, samples.CUSTOM, "CustomJob/train").live.resource == second.resource


def test_an_address_without_a_run_and_one_that_nobody_knows_are_told_apart(site: Site) -> None:
    with pytest.raises(errors.InputError, match="has no live run"):
        _ = found(site, samples.CUSTOM, "CustomJob/train").live
    with pytest.raises(errors.InputError, match="is no address of this stack") as told:
        found(site, samples.CUSTOM, "CustomJob/other")
    assert "CustomJob/train" in told.value.hint
