"""What the system tests share: arguments, a temporary folder, runs of the binary, failure texts."""

import argparse
import difflib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
NOW = "2026-10-22T00:00:00Z"


class Checking:
    """Collects failures; `finish` prints them and ends the process."""

    def __init__(self, text, options=()):
        parser = argparse.ArgumentParser(description=text)
        parser.add_argument("--winnow", type=Path, required=True)
        parser.add_argument("--source", type=Path, required=True)
        parser.add_argument("--build", type=Path, required=True)
        for name, settings in options:
            parser.add_argument(name, **settings)
        self.options = parser.parse_args()
        self.source = self.options.source.resolve()
        self.failures = []
        self._folder = tempfile.TemporaryDirectory(prefix="winnow-test-")
        self.folder = Path(self._folder.name)
        # One cache of compiled patterns for all tests of a build; winnow replaces files whole.
        self.cache = self.options.build.resolve() / "tests" / "cache"

    def fail(self, text):
        self.failures.append(text)

    def check(self, good, text):
        if not good:
            self.fail(text)
        return good

    def equal(self, what, expected, got):
        if expected == got:
            return True
        if isinstance(expected, bytes):
            expected = expected.decode("utf-8", "backslashreplace")
            got = got.decode("utf-8", "backslashreplace")
        lines = list(difflib.unified_diff(expected.splitlines(), got.splitlines(), "expected",
                                          "got", lineterm="", n=1))
        self.fail(what + " differs:\n" + "\n".join(line[:400] for line in lines[:24]))
        return False

    def run(self, *arguments, stdin=None, cache=None, cwd=None, within=None):
        """Runs winnow, by the command `within` where there is one; the clock and the cache are fixed."""
        environment = dict(os.environ, LC_ALL="C", XDG_CACHE_HOME=str(cache or self.cache))
        return subprocess.run([*(within or []), str(self.options.winnow.resolve()), *map(str, arguments)],
                              input=stdin, capture_output=True, env=environment,
                              cwd=cwd or self.source, timeout=600)

    def scan(self, *arguments, expect=0, stdin=None, cache=None, now=NOW, cwd=None,
             within=None):
        """`winnow scan` at a fixed time; standard output, after its exit code was checked."""
        done = self.run("scan", "--quiet", "--now", now, *arguments, stdin=stdin, cache=cache,
                        cwd=cwd, within=within)
        self.check(done.returncode == expect,
                   f"scan {' '.join(map(str, arguments))}: exit code {done.returncode}, "
                   f"not {expect}: {done.stderr.decode('utf-8', 'replace')[:600]}")
        return done.stdout

    def finish(self):
        self._folder.cleanup()
        for text in self.failures:
            print("FAILED:", text, file=sys.stderr)
        sys.exit(1 if self.failures else 0)


def sample_messages(source):
    """The messages of tests/mail/sample.mbox as bytes, cut as RFC 4155 says."""
    text = (source / "tests/mail/sample.mbox").read_bytes()
    messages = []
    for piece in ("\n\n" + text.decode("latin-1")).split("\n\nFrom ")[1:]:
        piece = piece[piece.index("\n") + 1:]
        messages.append(piece.replace("\n>From ", "\nFrom ").encode("latin-1"))
    # Every message but the last lost the line end before the empty line.
    return [m if m.endswith(b"\n") else m + b"\n" for m in messages]
