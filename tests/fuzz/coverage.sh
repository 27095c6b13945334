#!/bin/bash
# Line coverage that each fuzz target's seeds (and what fuzzing found beside them) reach in the
# folder that it is about. Prints one line a target; goal: 80 %. Run by `./dev coverage [target...]`.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build/fuzz-coverage
[ -f $build/build.ninja ] || cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 -DCMAKE_CXX_FLAGS_DEBUG="-O1" \
  -DWINNOW_FUZZ=ON -DWINNOW_COVERAGE=ON >/dev/null

# Target -> the files it is about, as a pattern of paths.
declare -A about=(
  [headers]='engine/mime/(header_|encoded_word|parameters)'
  [addresses]='engine/mime/(addr|date|received|ip)'
  [mime]='engine/mime/(structure|delimiter|parse|leaf|content_fields)'
  [mime_decoders]='engine/mime/(base64|quoted|uu|yenc|tnef|pkcs7|flowed|rtf|line_scan)'
  [html]='engine/html/' [urls]='engine/url/' [charsets]='engine/text/(charset|utf8)'
  [text]='engine/text/(word|script|fold|normal|texts|count_text|stem)'
  [archives]='engine/archive/' [match]='engine/match/' [maps]='rules/maps/'
  [ucl]='rules/config/ucl' [template]='rules/config/template'
  [expression]='rules/lang/expression' [regexp_atom]='rules/lang/(regexp|function_atom)'
  [evidence]='ingest/evidence/reader' [spf]='rules/checks/auth/spf_'
  [dkim]='rules/checks/auth/dkim_(signature|canonical|key)|engine/crypt/verify'
  [arc]='rules/checks/auth/arc_(chain|link)' [dmarc]='rules/checks/auth/dmarc_record'
  [http]='ingest/http/request' [milter]='ingest/milter/' [proxy_reply]='ingest/proxy/wire'
  [dns]='pipeline/lookup/dns_reply'
  [vault]='pipeline/lookup/vault'
  [redis]='pipeline/lookup/store/redis_(reply|options)'
  [packed_counters]='pipeline/lookup/store/packed_counters'
  [learn_import]='pipeline/learn/(foreign_words|rspamd_dump|count_table)'
  [learning_log]='pipeline/learn/(learning_log|record)'
  [rule_lines]='rules/lang/rule_lines' [pdf]='rules/checks/mime/pdf'
  [lists]='rules/checks/lists/(list_items|return_codes)' [selector]='rules/lang/selector')

targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  mapfile -t targets < <(grep -hoE 'winnow_fuzz\([a-z0-9_]+' tests/fuzz/*.cmake |
    sed 's/.*(//' | sort)
fi
low=()
printf '%-14s %9s %7s\n' target lines covered
for name in "${targets[@]}"; do
  cmake --build $build --target "fuzz_$name" >/dev/null || { echo "$name does not build"; exit 1; }
  mkdir -p $build/profiles
  inputs=("tests/fuzz/seeds/$name")
  [ -d "build/fuzz/corpus/$name" ] && inputs+=("build/fuzz/corpus/$name")
  LLVM_PROFILE_FILE=$build/profiles/$name.raw "$build/tests/fuzz/fuzz_$name" -runs=0 \
    "${inputs[@]}" >/dev/null 2>&1 || { echo "$name: its seeds fail"; exit 1; }
  llvm-profdata-14 merge -o "$build/profiles/$name.data" "$build/profiles/$name.raw"
  llvm-cov-14 export -summary-only -instr-profile "$build/profiles/$name.data" \
    "$build/tests/fuzz/fuzz_$name" |
    python3 -c '
import json, re, sys
name, pattern = sys.argv[1], sys.argv[2]
files = json.load(sys.stdin)["data"][0]["files"]
lines = [(f["summary"]["lines"]["count"], f["summary"]["lines"]["covered"], f["filename"])
         for f in files if re.search(pattern, f["filename"]) and "/tests/" not in f["filename"]]
count, covered = sum(l[0] for l in lines), sum(l[1] for l in lines)
covered_of = covered / max(count, 1)
print(f"{name:<14} {count:>9} {100 * covered_of:>6.1f}%")
for count, covered, file in sorted(lines, key=lambda l: l[1] - l[0]):
    if count - covered > 30 and covered < 0.8 * count:
        print(f"    {file[file.rindex(chr(47)) + 1:]:<28} {covered} of {count}")
sys.exit(covered_of < 0.8)
' "$name" "${about[$name]:?no files for it in coverage.sh}" || low+=("$name")
done
[ ${#low[@]} = 0 ] || { echo "under 80 %: ${low[*]}"; exit 1; }
