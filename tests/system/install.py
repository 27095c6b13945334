"""`cmake --install` lays out binary, policy, manual page and completion, and they work there."""

import os
import shutil
import subprocess

from checking import Checking

FILES = ["bin/winnow", "share/winnow/policy/rspamd.conf", "share/winnow/policy/actions.conf",
         "share/man/man1/winnow.1", "share/bash-completion/completions/winnow"]


def complete(script, binary, *words):
    """What bash offers for the last word."""
    line = f'source {script}; COMP_WORDS=({binary} {" ".join(words)}); ' \
           f'COMP_CWORD={len(words)}; _winnow; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    return done.stdout.split()


def main():
    checking = Checking(__doc__)
    stage = checking.folder / "stage"
    done = subprocess.run(["cmake", "--install", str(checking.options.build), "--prefix", "/usr"],
                          env=dict(os.environ, DESTDIR=str(stage)), capture_output=True, text=True)
    checking.check(done.returncode == 0, f"cmake --install: {done.stderr[:500]}")
    top = stage / "usr"
    for name in FILES:
        checking.check((top / name).is_file(), f"{name} is not installed")
    if checking.failures:
        checking.finish()

    checking.options.winnow = top / "bin/winnow"
    sample = checking.source / "tests/mail/sample.mbox"
    built_in = checking.scan("--format", "jsonl", sample)
    from_files = checking.scan("--format", "jsonl", "--policy", top / "share/winnow/policy", sample)
    checking.equal("the policy as files", built_in, from_files)

    manual = (top / "share/man/man1/winnow.1").read_text()
    for line in checking.run("help").stdout.decode().splitlines():
        if line.startswith("  winnow "):
            name = line.split()[1]
            checking.check(f"\n.B {name} " in manual, f"the manual page has no command {name}")
    if shutil.which("man"):
        read = subprocess.run(["man", "--warnings", "-l", str(top / "share/man/man1/winnow.1")],
                              env=dict(os.environ, MANWIDTH="100", LC_ALL="C.UTF-8"),
                              capture_output=True, text=True)
        checking.check(read.returncode == 0 and "EXIT STATUS" in read.stdout,
                       f"man cannot read the page: {read.stderr[:300]}")

    script = top / "share/bash-completion/completions/winnow"
    binary = top / "bin/winnow"
    checking.check(complete(script, binary, "sc") == ["scan"], "completion of `winnow sc`")
    checking.check("--batch-rows" in complete(script, binary, "scan", "--ba"),
                   "completion of `winnow scan --ba`")
    checking.finish()


main()
