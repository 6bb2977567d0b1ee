#!/usr/bin/env bash
# The main job in half a minute, on an emulator that really trains: validate, plan, review, apply, watch, change, remove.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
work="$(mktemp -d)"
emulator=""
finish() {
  if [ -n "$emulator" ]; then
    kill "$emulator" 2>/dev/null || true
    wait "$emulator" || true
  fi
  rm -rf "$work"
}
trap finish EXIT
cp -r "$here/../manifests/quickstart/." "$work"
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

say "An emulator of Google's job APIs on this machine; its PATH stands for the images: trainer/ holds the program"
echo '$ PATH="trainer:$PATH" reconciler emulate --port 0 --run-jobs &'
PATH="$work/trainer:$PATH" reconciler emulate --port 0 --run-jobs 2>emulator.log &
emulator=$!
for _ in $(seq 100); do
  port="$(sed -n 's|.*http://127\.0\.0\.1:\([0-9]*\)$|\1|p' emulator.log)"
  [ -z "$port" ] || break
  sleep 0.1
done
cat emulator.log
run export RECONCILER_BACKEND="http://127.0.0.1:${port:?the emulator did not start}"

say "Three manifests, for Vertex AI custom jobs, NAS jobs and legacy AI Platform jobs"
run reconciler validate

say "Plan them against what is live, save the plan, and read it again as a reviewer would"
expect 2 reconciler plan --out review.plan.json --detailed-exitcode
digest="$(reconciler show review.plan.json --verify)"

say "Apply exactly the reviewed plan"
run reconciler apply review.plan.json --expect-digest "$digest" --wait=running
expect 3 reconciler apply review.plan.json

say "Nothing is left to do, and the training runs"
expect 0 reconciler plan --detailed-exitcode
echo '$ reconciler logs CustomJob/train-mnist | tail -n 3'
reconciler logs CustomJob/train-mnist | tail -n 3

say "The loss falls too slowly. Change the job that is running: a new spec means a new run, and the price is named first"
sed -i.bak 's/trainer:1\.4\.0/trainer:1.5.0/; s/--epochs=50000, --learning-rate=0.0001/--epochs=200, --learning-rate=0.05/' \
  jobs/train.yaml && rm jobs/train.yaml.bak
expect 4 reconciler plan
run reconciler apply --yes --allow-cancel 1
run reconciler logs CustomJob/train-mnist --follow

say "Remove a manifest whose policy says what that means"
rm jobs/search.yaml
run reconciler apply --yes
expect 0 reconciler plan --detailed-exitcode
run reconciler status

say "It works"
loss="$(reconciler logs CustomJob/train-mnist | sed -n 's/.* loss \([0-9.]*\)$/\1/p' | tail -n 1)"
cat <<END
Three jobs were planned and applied here, and the plan was good for one apply only. A running job was replaced once
that was allowed, and trained a model to a loss of ${loss:?the training printed no loss}. A removed job was stopped.
All of it ran on this machine: Google was not called.
Next: "source .venv/bin/activate", then "reconciler init my-jobs"; docs/tutorial.md goes on from there.
END
