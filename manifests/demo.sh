#!/usr/bin/env bash
# The main job in two minutes, on the embedded emulator: validate, plan, review, apply, change, remove.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp -r "$here/quickstart/." "$work"
cd "$work"

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
# Run something that must end with this exit code and no other.
expect() {
  local wanted="$1" got=0
  shift
  run "$@" || got=$?
  if [ "$got" -ne "$wanted" ]; then
    echo "demo: expected exit $wanted, got $got" >&2
    exit 1
  fi
  printf '(exit %s)\n' "$got"
}

say "Three manifests, for Vertex AI custom jobs, NAS jobs and legacy AI Platform jobs"
run reconciler validate

say "Plan them against what is live, save the plan, and read it again as a reviewer would"
expect 2 reconciler plan --out review.plan.json --detailed-exitcode
digest="$(reconciler show review.plan.json --verify)"

say "Apply exactly the reviewed plan"
run reconciler apply review.plan.json --expect-digest "$digest" --wait=running
expect 3 reconciler apply review.plan.json

say "Nothing is left to do"
expect 0 reconciler plan --detailed-exitcode

say "Change a job that is running: a new spec means a new run, and the price is named first"
sed -i.bak 's/trainer:1\.4\.0/trainer:1.5.0/' jobs/train.yaml && rm jobs/train.yaml.bak
expect 4 reconciler plan
run reconciler apply --yes --allow-cancel 1

say "Remove a manifest whose policy says what that means"
rm jobs/search.yaml
run reconciler apply --yes
expect 0 reconciler plan --detailed-exitcode
run reconciler status
