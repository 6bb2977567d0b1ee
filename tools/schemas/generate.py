"""Write the published schemas and compiled/kinds.json from Google's API descriptions and schemas/{apis,kinds}/*.yaml.

`--check` writes nothing and exits 1 where a file on disk differs from what would be written.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys

from tools.schemas import apis, facts, manifests, umbrella

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas"
STACK = SCHEMAS / "reconciler" / "v1" / "Stack.json"
"""Written by hand; the schema of all documents takes it in."""
NOT_KINDS = frozenset(("types.yaml", "manifest.yaml"))


def generate(schemas: pathlib.Path = SCHEMAS) -> dict[str, str]:
    """Return the text of every generated file by its path below schemas/. Raises facts.FactError."""
    shared = facts.read(schemas / "kinds" / "types.yaml")
    envelope = facts.read(schemas / "kinds" / "manifest.yaml")
    facts.same_keys("manifest.yaml", envelope, ("metadata", "definitions", "iamPolicy", "iamTypes"))
    served = apis.read(schemas / "apis")
    paths = sorted(path for path in (schemas / "kinds").glob("*.yaml") if path.name not in NOT_KINDS)
    files: dict[str, str] = {}
    rows = {}
    parts = {"Stack": json.loads(STACK.read_text(encoding="utf-8"))}
    used: set[str] = set()
    for path in paths:
        kind = facts.read_kind(path)
        if path.stem != kind["kind"]:
            raise facts.FactError(f"{path.name}: holds kind {kind['kind']}")
        facts.known_keys(f"{path.name} apiVersion", [kind["apiVersion"]], served)
        api = served[kind["apiVersion"]]
        sources = manifests.load_sources(kind, api, shared)
        schema = manifests.manifest_schema(kind, api, sources, envelope)
        used |= schema["definitions"].keys()
        rows[kind["kind"]] = manifests.kind_row(kind, sources)
        files[manifests.schema_path(kind)] = _text(schema)
        parts[kind["kind"]] = schema
    facts.known_keys("types.yaml, against what the kinds use", shared, used)
    files["compiled/kinds.json"] = _text({"apis": {name: apis.row(api) for name, api in served.items()}, "kinds": rows})
    files["reconciler/v1/Manifest.json"] = _text(umbrella.build(parts))
    return files


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def differing(files: dict[str, str], schemas: pathlib.Path = SCHEMAS) -> list[str]:
    """Name the files whose text on disk is another or missing, in order."""
    return sorted(
        name
        for name, text in files.items()
        if not (schemas / name).is_file() or (schemas / name).read_text(encoding="utf-8") != text
    )


def run(arguments: list[str]) -> int:
    """Generate or check; return the exit code."""
    parser = argparse.ArgumentParser(description="Generate the published schemas.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where files are not up to date")
    options = parser.parse_args(arguments)
    try:
        files = generate()
    except facts.FactError as error:
        print(f"schemas/kinds: {error}", file=sys.stderr)
        return 1
    stale = differing(files)
    for name in stale:
        print(f"{'differs' if options.check else 'written'}: schemas/{name}")
        if not options.check:
            (SCHEMAS / name).parent.mkdir(parents=True, exist_ok=True)
            (SCHEMAS / name).write_text(files[name], encoding="utf-8")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
