#!/bin/bash
# libFuzzer over the targets of the fuzz preset, one on each core: run.sh SECONDS [PATTERN]. What is
# found on the way is kept in build/fuzz/corpus and read again by the next run and by coverage.sh.
# One line a target; the exit code says whether one has a finding, now or from a run before.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p build/fuzz/findings build/fuzz/logs

one() {
  local name=${1##*/fuzz_} status=0
  local log=build/fuzz/logs/$name
  mkdir -p "build/fuzz/corpus/$name"
  local dictionary=()
  [ -f "tests/fuzz/$name.dict" ] && dictionary=("-dict=tests/fuzz/$name.dict")
  "$1" "${dictionary[@]}" -max_total_time="$2" -timeout=25 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/findings/$name-" "build/fuzz/corpus/$name" \
    "tests/fuzz/seeds/$name" >"$log" 2>&1 || status=$?
  printf '%-14s %9s executions, edges %s\n' "$name" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
    "$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -c6-)"
  grep -E 'ERROR|SUMMARY|Test unit' "$log" || true
  if [ $status != 0 ] || compgen -G "build/fuzz/findings/$name-*"; then
    echo "$name has findings: see $log"
    return 1
  fi
}
export -f one
printf '%s\n' build/fuzz/tests/fuzz/fuzz_${2:-*} |
  xargs -P"$(nproc)" -I{} bash -c 'one "$@"' _ {} "$1"
