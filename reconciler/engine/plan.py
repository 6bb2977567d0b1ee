"""The use case behind `plan`: observe, then let core build. Writes nothing and takes no lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.core.plan import build
from reconciler.core.plan.address import Destroy
from reconciler.core.plan.build import Options, Revision
from reconciler.core.plan.observed import Observed
from reconciler.engine.reading import observe
from reconciler.engine.world import World
from reconciler.vocabulary.model import Desired, Stack, address_of
from reconciler.vocabulary.plans import Plan


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and the observation it was made from."""

    plan: Plan
    observed: Observed


def plan(world: World, stack: Stack, desired: Sequence[Desired], options: Options, revision: Revision) -> Planned:
    """Return the plan that makes the live jobs what the manifests say."""
    observed = observe.observe(world, stack, desired, starting=options.rerun)
    built = build.build(stack, world.kinds, desired, observed, options, revision, stack.backend)
    return Planned(built, observed)


def destroy(
    world: World, stack: Stack, desired: Sequence[Desired], options: Options, revision: Revision, *, records: bool
) -> Planned:
    """Return the plan of an empty desired set. The manifests say which kinds to look for and what they protect."""
    policies_now = {address: want.lifecycle.removal for want in desired for address in _addresses(want)}
    asked = replace(options, destroy=Destroy(records, policies_now))
    observed = observe.observe(world, stack, (), {want.kind for want in desired})
    return Planned(build.build(stack, world.kinds, (), observed, asked, revision, stack.backend), observed)


def _addresses(want: Desired) -> tuple[str, ...]:
    """Return the addresses a manifest speaks for: without a desired set nothing takes a renamed run over."""
    return (want.address, address_of(want.kind, want.formerly)) if want.formerly else (want.address,)
