"""What every unittest program here is told on its command line, and how it runs: all of its tests, or
those that are named."""
import argparse
import os
import pathlib
import shutil
import sys
import unittest

from checking import SKIPPED

_PARSER = argparse.ArgumentParser(allow_abbrev=False)
_PARSER.add_argument("--winnow", default="build/dev/winnow", help="the binary")
_PARSER.add_argument("--source", default=str(pathlib.Path(__file__).resolve().parents[2]))
_PARSER.add_argument("--build", default="build/dev")
_PARSER.add_argument("--unpacked", default="build/unpacked", help="packages that exclude others")
OPTIONS, _TESTS = _PARSER.parse_known_args()
# One cache of compiled patterns for all tests of a build; winnow replaces files whole.
PATTERNS = pathlib.Path(OPTIONS.build).resolve() / "tests" / "cache"
os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian has its servers


def missing(*programs):
    """The first of the programs that is not installed."""
    return next((name for name in programs if not shutil.which(name)), None)


def skip(why):
    """Ends this program as one that can test nothing here."""
    print("Skipped:", why)
    sys.exit(SKIPPED)


def require(*programs):
    if absent := missing(*programs):
        skip(absent + " is not installed")


def require_root(what):
    if os.getuid() != 0:
        skip(what + " starts as root only")


def run_tests():
    unittest.main(argv=sys.argv[:1] + _TESTS, verbosity=2)
