#!/bin/bash
# clang-tidy (.clang-tidy) over everything that ships: lint.sh BUILD, a build folder of the clang
# preset. One process a core; a source is checked again only after it was compiled again, or the
# configuration changed. Prints what is found; the exit code says whether something was.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
stamps=$build/lint

# The sources whose stamp is not newer than configuration and object, whichever target compiled it
# (the source itself, where none did).
stale() {
  local source object stamp
  while read -r source; do
    object=$(compgen -G "$build/${source%%/*}/CMakeFiles/*.dir/${source#*/}.o" || echo "$source")
    stamp=$stamps/$source.ok
    [ "$stamp" -nt "$object" ] && [ "$stamp" -nt .clang-tidy ] ||
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
