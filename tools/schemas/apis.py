"""Compile the APIs that kinds belong to: their rows in compiled/kinds.json. Knows nothing of kinds."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

from tools.schemas import discovery, facts

FACT_KEYS = frozenset(("located", "hosts"))
HOST_KEYS = frozenset(("global", "region", "multiRegion", "multiRegions"))
GOOGLE = "googleapis.com"


def read(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Read the facts of every API in a folder, by apiVersion. Raises facts.FactError."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        api = facts.read(path)
        facts.same_keys(path.name, api, ("api", "discovery", "facts"))
        facts.check_sources(path.name, api["facts"], FACT_KEYS)
        facts.same_keys(f"{path.name} facts.hosts", api["facts"]["hosts"]["value"], HOST_KEYS)
        found[api["api"]] = api
    return found


def row(api: Mapping[str, Any]) -> dict[str, Any]:
    """Build an API's row and hold its hosts against the description."""
    hosts = api["facts"]["hosts"]["value"]
    _check_hosts(api, hosts)
    return {
        "name": api["api"],
        "located": api["facts"]["located"]["value"],
        "global_host": hosts["global"],
        "region_host": hosts["region"],
        "multi_region_host": hosts["multiRegion"],
        "multi_regions": hosts["multiRegions"],
    }


def _check_hosts(api: Mapping[str, Any], hosts: Mapping[str, Any]) -> None:
    """Refuse a pattern that does not give the host of the description, for any of the locations it names."""
    described = discovery.read_api(api["discovery"])
    facts.same_keys(f"{api['api']} hosts.global", [hosts["global"].format(universe=GOOGLE)], [described.host])
    facts.known_keys(f"{api['api']} hosts.multiRegions", hosts["multiRegions"], described.hosts)
    for location, named in described.hosts.items():
        pattern = hosts["multiRegion"] if location in hosts["multiRegions"] else hosts["region"]
        if pattern:
            given = pattern.format(location=location, universe=GOOGLE)
            facts.known_keys(f"{api['api']} hosts of {location}", [given], named)
