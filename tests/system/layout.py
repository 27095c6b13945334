"""The shape of the repository: its top level, names, sizes of files, nothing of one machine."""

import re
import subprocess
from pathlib import Path

from checking import Checking

TOP = {"CMakeLists.txt", "engine", "pipeline", "ingest", "rules", "bench", "tests", "README.md",
       "dev", "CMakePresets.json", "LICENSE", ".ci", ".clang-format", ".clang-tidy", ".gitignore",
       ".gitattributes"}
NEEDED = TOP - {".clang-tidy", ".gitattributes"}
DRAWERS = re.compile(r"(^|[_.-])(utils?|helpers?|common|managers?|misc)([_.-]|$)", re.I)
MACHINE_PATH = re.compile(r"(?<![\w.$}/)-])/(work|home|Users|root|mnt)/\w+")
LINES_MAX = 800
COLUMNS_MAX = 100


def tracked(source):
    """Files as git knows them, or all but builds where this is no clone."""
    git = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(source), "ls-files", "-co",
                          "--exclude-standard"], capture_output=True, text=True)
    if git.returncode == 0:
        return [name for name in git.stdout.splitlines() if (source / name).is_file()]
    return [p.relative_to(source).as_posix() for p in source.rglob("*")
            if p.is_file() and p.relative_to(source).parts[0] not in ("build", ".git")]


def check_text(checking, name, text):
    code = Path(name).suffix in (".cc", ".h", ".py", ".cmake")
    lines = text.splitlines()
    if code:
        checking.check(len(lines) <= LINES_MAX,
                       f"{name}: {len(lines)} lines, more than {LINES_MAX}")
    if "/seeds/" in name or name.endswith((".mbox", ".eml")):
        return
    for number, line in enumerate(lines, 1):
        if MACHINE_PATH.search(line) and "tests/system/layout.py" not in name:
            checking.fail(f"{name}:{number}: a path of one machine: {line.strip()[:80]}")
        if Path(name).suffix in (".cc", ".h") and not name.startswith("tests/"):
            if len(line) > COLUMNS_MAX and 'R"' not in line and line.isascii():
                checking.fail(f"{name}:{number}: {len(line)} columns")


def check_fuzzers(checking, names):
    """Each fuzz target has seeds, and coverage.sh knows which files it is about."""
    folder = checking.source / "tests/fuzz"
    about = dict(re.findall(r"\[(\w+)\]='([^']+)'", (folder / "coverage.sh").read_text()))
    targets = {name for file in folder.glob("*.cmake")
               for name in re.findall(r"winnow_fuzz\((\w+)", file.read_text())}
    for name in sorted(targets):
        checking.check(any(one.startswith(f"tests/fuzz/seeds/{name}/") for one in names),
                       f"tests/fuzz/seeds/{name}: no seed of the fuzz target")
        pattern = re.compile(about.get(name, "$^"))
        checking.check(any(pattern.search(one) and one.endswith(".cc") and "tests/" not in one
                           for one in names),
                       f"tests/fuzz/coverage.sh: no files that the target {name} is about")
    checking.check(targets >= about.keys(), f"coverage.sh: no targets {about.keys() - targets}")


def main():
    checking = Checking(__doc__)
    names = tracked(checking.source)
    check_fuzzers(checking, names)
    top = {name.split("/")[0] for name in names}
    checking.check(not top - TOP, f"not agreed at the top level: {sorted(top - TOP)}")
    checking.check(not NEEDED - top, f"missing at the top level: {sorted(NEEDED - top)}")
    for name in names:
        for part in Path(name).parts:
            checking.check(not DRAWERS.search(part), f"{name}: a drawer, not a name")
        data = (checking.source / name).read_bytes()
        if b"\0" in data or "/seeds/" in name:
            checking.check(len(data) <= 1 << 20, f"{name}: {len(data)} bytes")
            continue
        check_text(checking, name, data.decode("utf-8", "replace"))
    for folder in sorted({str(Path(name).parent) for name in names if name.endswith(".cc")}):
        if not folder.startswith("tests/"):
            page = checking.source / folder / "README.md"
            checking.check(page.exists(), f"{folder}: has sources and no README.md")
    checking.finish()


main()
