"""Includes and link lines point downward only; each foreign library stays in its place; no two
types have one name (the linker would take the functions of either for both)."""

import re

from checking import Checking

FLOORS = ["engine", "rules", "pipeline", "ingest"]

# Foreign headers and the only places that may include them.
HOMES = {
    r"hs/hs\.h|hs\.h": ["engine/match/database.cc"],
    r"pcre2\.h": ["engine/match/regex.cc"],
    r"archive(_entry)?\.h": ["engine/archive/stream.cc", "ingest/corpus/tar.cc"],
    r"magic\.h": ["engine/content/"],
    r"libstemmer\.h": ["engine/text/"],
    r"cld2/.*|compact_lang_det\.h": ["engine/text/language.cc"],
    r"unicode/.*": ["engine/text/"],
    r"idn2\.h": ["engine/url/"],
    r"libpsl\.h": ["engine/url/"],
    r"openssl/.*": ["engine/crypt/", "engine/hash/", "ingest/serve/tls.cc",
                      "pipeline/lookup/store/redis_connection.cc"],
    r"sodium.*": ["engine/crypt/", "engine/hash/", "ingest/controller/", "ingest/random_bytes.h",
                  "ingest/commands/pw.cc"],
    r"zstd\.h": ["ingest/evidence/", "ingest/http/", "rules/maps/", "pipeline/corpus/",
                 "ingest/commands/statistics_dump.cc"],
    r"simdjson\.h": ["ingest/", "rules/maps/", "pipeline/learn/rspamd_dump.cc",
                     "pipeline/lookup/vault.cc"],
    r"sqlite3\.h": ["pipeline/learn/rspamd_sqlite.cc"],
    r"CLI/.*": ["ingest/commands/argument_parser.cc"],
    r"(oneapi/)?tbb/.*": ["pipeline/"],
    r"thread|jthread|mutex|condition_variable|future|shared_mutex": ["pipeline/", "ingest/"],
    r"fstream|sys/socket\.h|netinet/.*|dirent\.h|filesystem": ["pipeline/", "ingest/"],
    r"chrono|ctime|time\.h|sys/time\.h": ["pipeline/", "ingest/"],
    r"regex|iostream|locale": ["ingest/"],
    r"lua.*\.h|ares\.h": ["rules/lua/", "pipeline/"],
    r"zlib\.h": ["ingest/http/request.cc", "ingest/corpus/tar.cc", "pipeline/dmarc_report.cc"],
    r"hiredis/.*": ["pipeline/lookup/store/redis_reply.cc"],
    r"lmdb\.h": ["pipeline/lookup/store/lmdb_store.cc"],
}
# Files that the build runs or that only make tables.
TOOLS = {"engine/text/make_fold_table.cc"}


def floor_of(path):
    return FLOORS.index(path.split("/")[0])


def check_includes(checking, path, text):
    for number, line in enumerate(text.splitlines(), 1):
        own = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if own:
            target = own.group(1)
            if target.split("/")[0] in FLOORS:
                checking.check(floor_of(target) <= floor_of(path),
                               f"{path}:{number}: includes {target}, which is a floor above")
                checking.check((checking.source / target).exists() or "generated" in target,
                               f"{path}:{number}: there is no {target}")
            elif target.split("/")[0] in ("tests", "bench"):
                checking.fail(f"{path}:{number}: product code includes {target}")
        foreign = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if foreign and path not in TOOLS:
            for pattern, homes in HOMES.items():
                if re.fullmatch(pattern, foreign.group(1)):
                    checking.check(any(path.startswith(home) for home in homes),
                                   f"{path}:{number}: <{foreign.group(1)}> belongs in "
                                   f"{' or '.join(homes)} only")


def check_links(checking):
    for file in checking.source.rglob("CMakeLists.txt"):
        path = file.relative_to(checking.source).as_posix()
        if path.split("/")[0] not in FLOORS:
            continue
        for call in re.findall(r"target_link_libraries\(([^)]*)\)", file.read_text()):
            words = call.split()
            if words[0] == "winnow":
                continue
            for word in words[1:]:
                if word.startswith("winnow_") and word != "winnow_flags":
                    target, linked = words[0][len("winnow_"):], word[len("winnow_"):]
                    good = linked in FLOORS and target in FLOORS and \
                        FLOORS.index(linked) == FLOORS.index(target) - 1
                    checking.check(good, f"{path}: {words[0]} links {word}: each floor links only "
                                         "the one below it")


def type_names(text):
    """(line, name) of each type that the whole program sees; those of unnamed namespaces are apart."""
    inside = False
    number = 0
    for number, line in enumerate(text.splitlines(), 1):
        inside = line == "namespace {" or (inside and line != "}  // namespace")
        found = re.match(r"(?:class|struct|union|enum class|enum) (\w+)(?: final)?"
                         r"(?: : [^{;]+)?(?: \{.*)?$", line)
        if found and not inside:
            yield number, found.group(1)
    if inside:
        yield number, "namespace {"  # that does not end with "}  // namespace"


def main():
    checking = Checking(__doc__)
    count = 0
    types = {}
    for floor in FLOORS:
        for file in sorted((checking.source / floor).rglob("*")):
            if file.suffix in (".cc", ".h", ".inc"):
                count += 1
                path, text = file.relative_to(checking.source).as_posix(), file.read_text()
                check_includes(checking, path, text)
                for number, name in type_names(text):
                    checking.check(name != "namespace {",
                                   f"{path}: an unnamed namespace ends without its comment")
                    place = types.setdefault(name, f"{path}:{number}")
                    checking.check(place == f"{path}:{number}",
                                   f"{path}:{number}: {name} is the name of a type of {place}")
    checking.check(count > 100, f"only {count} sources were found: the test looks at nothing")
    checking.check(len(types) > 300, f"only {len(types)} types were found: the test looks at nothing")
    check_links(checking)
    checking.finish()


main()
