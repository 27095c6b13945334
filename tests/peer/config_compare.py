"""The same trees through `rspamadm configdump -j` and ours: every value that a tree of the site sets
must be the same in both. Trees are the blocks of tests/config/blocks and, where they are there, those
of ../shared/configs. What differs must be listed in differences.md, and what is listed must occur."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

import paths  # noqa: F401
import differences
from config_trees import read_blocks
from test_program import OPTIONS, skip

SOURCE = Path(OPTIONS.source)
STOCK = Path("/etc/rspamd/rspamd.conf")
ABSENT = "(absent)"


def leaves(value, path=()):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, path + (key,))
    else:
        yield path, value


def joined(value):
    """Named sections that stand several times ([{"a": {…}}, {"b": {…}}]) as one section."""
    if isinstance(value, dict):
        return {key: joined(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        out = {}
        for one in value:
            for key, inner in one.items():
                inner = joined(inner)
                if isinstance(inner, dict) and isinstance(out.get(key), dict):
                    inner = {**out[key], **inner}
                out[key] = inner
        return out
    return value


def look_up(value, path):
    for key in path:
        if isinstance(value, list):  # sections of one name, in order
            found = [one for one in value if isinstance(one, dict) and key in one]
            value = found[-1] if found else None
        if not isinstance(value, dict) or key not in value:
            return ABSENT
        value = value[key]
    return value


def plain(value):
    """Numbers by value, a list of one as its element: both are written either way."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, list):
        value = [plain(one) for one in value]
        return value[0] if len(value) == 1 else value
    return value


def json_of(text):
    start = text.find("{")
    return json.loads(text[start:]) if start >= 0 else None


class Comparison:
    def __init__(self):
        self.differences = {}
        self.values = 0

    def dump(self, tree, *options):
        done = subprocess.run([OPTIONS.winnow, "configdump", "-j", *options, "--config",
                               tree / "rspamd.conf"], capture_output=True, text=True, timeout=120)
        return json_of(done.stdout) if done.returncode == 0 else None

    def compare(self, name, tree):
        done = subprocess.run(["rspamadm", f"--var=LOCAL_CONFDIR={tree}", f"--var=CONFDIR={STOCK.parent}",
                               "configdump", "-j", "-c", str(STOCK)],
                              capture_output=True, text=True, timeout=120)
        theirs, ours = joined(json_of(done.stdout)), joined(self.dump(tree))
        if theirs is None or ours is None:
            self.differences[(name, "tree")] = (ours is not None, theirs is not None)
            return
        for side in ("--local", "--override"):
            for path, _ in leaves(joined(self.dump(tree, side) or {})):
                if not path:
                    continue
                self.values += 1
                a, b = look_up(ours, path), look_up(theirs, path)
                if plain(a) != plain(b):
                    self.differences[(name, ".".join(path))] = (a, b)


def listed(here):
    """(tree, path) of the rows about trees that are here; both have commas between."""
    return [(tree.strip(), path.strip()) for trees, paths, _ in differences.rows("Configuration")
            for tree in trees.split(",") for path in paths.split(",")
            if any(fnmatchcase(name, tree.strip()) for name in here)]


def trees(folder, shared):
    for path in sorted((SOURCE / "tests/config/blocks").glob("*.blocks")):
        for number, (_, files, _) in enumerate(read_blocks(path)):
            tree = folder / path.stem / str(number)
            (tree / "local.d").mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text(text + "\n")
            yield f"{path.stem}/{number}", tree
    for name, part in (("docker-mailserver", "docker-mailserver/target/rspamd"),
                       ("grapheneos", "grapheneos/rspamd"), ("martinschaible", "martinschaible")):
        if (shared / "configs" / part).is_dir():
            shutil.copytree(shared / "configs" / part, folder / name)
            yield name, folder / name


def main():
    if not shutil.which("rspamadm") or not STOCK.exists():
        skip("rspamadm is not here")
    comparison = Comparison()
    shared = Path(os.environ.get("WINNOW_SHARED", SOURCE / ".." / ".." / "shared"))
    with tempfile.TemporaryDirectory(prefix="winnow-test-") as name:
        folder = Path(name)
        work = list(trees(folder, shared))
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: comparison.compare(*one), work))
        found = {key: f"is {ours!r} here, {theirs!r} there"
                 for key, (ours, theirs) in comparison.differences.items()}
        bad = differences.unexplained(found, listed({name for name, _ in work}))
        print(f"{len(work)} trees, {comparison.values} values, {len(found)} differences, "
              f"{bad} of them unexplained or listed in vain")
        return 1 if bad or comparison.values < 100 else 0


sys.exit(main())
