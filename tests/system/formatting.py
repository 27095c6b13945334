"""Sources are as clang-format-14 writes them (`./dev format` does it)."""

import shutil
import subprocess
import sys

from checking import SKIPPED, Checking


def main():
    checking = Checking(__doc__)
    program = shutil.which("clang-format-14")
    if not program:
        print("clang-format-14 is not installed")
        sys.exit(SKIPPED)
    files = [str(file) for folder in ("engine", "rules", "pipeline", "ingest", "tests", "bench")
             for file in sorted((checking.source / folder).rglob("*"))
             if file.suffix in (".cc", ".h")]
    done = subprocess.run([program, "--dry-run", "-Werror", *files], capture_output=True, text=True)
    bad = sorted({line.split(":")[0] for line in done.stderr.splitlines() if ": error:" in line})
    for file in bad:
        checking.fail(f"{file} is not formatted: ./dev format")
    checking.check(done.returncode == 0 or bad, f"clang-format-14: {done.stderr[:500]}")
    checking.finish()


main()
