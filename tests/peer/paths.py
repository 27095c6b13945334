"""Importing this makes the modules of tests/system and bench/peers importable."""
import pathlib
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT / "tests/system"), str(_ROOT / "bench/peers")]
