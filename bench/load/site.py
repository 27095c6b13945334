#!/usr/bin/env python3
"""What a site with hundreds of maps costs at start: site.py --winnow PATH [TREE]

Without TREE it is the shipped policy alone that is measured. TREE is a folder with local.d (or override.d) and maps.d. It is copied; map addresses (http, https)
that end in a path below maps.d are answered by a server on loopback out of TREE. Printed: wall and
CPU time until the rules and all maps are there, without any cache, with the patterns' cache, and
with the copies of maps on disk as well, the least of some rounds; and what a message costs more."""
import argparse
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "system"))
from map_server import MapServer  # noqa: E402

BOUND_S = 2.0  # with warm caches
POLICY_BOUND_S = 0.15  # the shipped policy alone


def lay_out(tree, server, to):
    """The site as a configuration directory whose maps come from the server."""
    prefix = re.compile(r"https?://[^\"'\s;,]*?/(?=maps\.d/)")
    addresses = 0
    for path in sorted(tree.rglob("*")):
        target = to / path.relative_to(tree)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        text = path.read_text(errors="replace")
        if path.relative_to(tree).parts[0] != "maps.d":
            text, count = prefix.subn(server.url("/"), text)
            addresses += count
        target.write_text(text)
        server.put("/" + str(path.relative_to(tree)), path.read_bytes(), ETag=f'"{path.stat().st_mtime_ns}"')
    (to / "rspamd.conf").touch()
    return addresses


def timed(arguments, environment):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(arguments, env=environment, capture_output=True, timeout=600)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--winnow", default="build/release/winnow")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mail", help="scan this with and without the site's rules, too")
    parser.add_argument("tree", type=pathlib.Path, nargs="?")
    options = parser.parse_args()
    server = MapServer()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        site = folder / "site"
        site.mkdir()
        (site / "rspamd.conf").touch()
        count = lay_out(options.tree, server, site) if options.tree else 0
        message = folder / "message.eml"
        message.write_text("Subject: x\n\ny\n")
        print(f"{count} map addresses; wall (CPU) seconds of `winnow scan` of one message:")
        scan = [options.winnow, "scan", "--quiet", "--config", str(site / "rspamd.conf")]

        def rounds(text, prepare, bound=None):
            figures = []
            for _ in range(options.rounds):
                environment = prepare()
                wall, cpu, done = timed([*scan, str(message)], environment)
                if done.returncode != 0:
                    sys.exit(f"site.py: winnow ends with {done.returncode}: "
                             f"{done.stderr.decode()[-500:]}")
                figures.append((wall, cpu))
            wall, cpu = min(figures)
            print(f"  {text:34} {wall:6.2f} ({cpu:5.2f})" + (f"   bound {bound}" if bound else ""))

        def caches(keep):
            for one in ("cache", "data"):
                if one not in keep:
                    shutil.rmtree(folder / one, ignore_errors=True)
                (folder / one).mkdir(exist_ok=True)
            return dict(os.environ, XDG_CACHE_HOME=str(folder / "cache"),
                        RSPAMD_DBDIR=str(folder / "data"), XDG_STATE_HOME=str(folder / "data"))

        rounds("nothing kept", lambda: caches(()))
        bound = BOUND_S if options.tree else POLICY_BOUND_S
        rounds("patterns' cache", lambda: caches(("cache",)), bound)
        if options.tree:
            rounds("patterns' cache, copies of maps", lambda: caches(("cache", "data")), bound)
        if options.mail:
            environment = caches(("cache", "data"))
            for text, arguments in (("with the site", scan), ("without", scan[:3])):
                _, _, done = timed([*arguments, "--threads", "1", "--perf", options.mail], environment)
                print(text + ":\n" + done.stderr.decode())
    server.stop()


main()
