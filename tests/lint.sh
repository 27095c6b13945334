#!/bin/bash
# clang-tidy (.clang-tidy) over everything that ships: lint.sh BUILD, a build folder of the clang
# preset. One process a core; a source is checked again only after it was compiled again, or the
# configuration changed. Prints what is found; the exit code says whether something was.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
stamps=$build/lint

# The sources whose stamp is not newer than object and configuration; without an object, always.
stale() {
  local source object stamp
  while read -r source; do
    object=$build/${source%%/*}/CMakeFiles/winnow_${source%%/*}.dir/${source#*/}.o
    stamp=$stamps/$source.ok
    [ -e "$object" ] && [ "$stamp" -nt "$object" ] && [ "$stamp" -nt .clang-tidy ] ||
      echo "$source"
  done < <(find engine rules pipeline ingest -name '*.cc' | sort)
}

one() {
  local found
  found=$(clang-tidy-14 -p "$1" --quiet "$3" 2>&1) || {
    grep -v 'warnings\? generated' <<<"$found"
    return 1
  }
  mkdir -p "$2/$(dirname "$3")" && touch "$2/$3.ok"
}
export -f one
stale | xargs -r -P"$(nproc)" -I{} bash -c 'one "$@"' _ "$build" "$stamps" {}
