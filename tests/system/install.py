"""`cmake --install` lays out binary, policy, manual page and completion, and they work there."""

import os
import re
import shutil
import subprocess

from checking import Checking

FILES = ["bin/winnow", "share/winnow/policy/rspamd.conf", "share/winnow/policy/actions.conf",
         "share/man/man1/winnow.1", "share/bash-completion/completions/winnow",
         "lib/systemd/system/winnow.service", "lib/systemd/system/winnow.socket",
         "lib/sysusers.d/winnow.conf"]
EXPOSURE_MAX = 20  # of `systemd-analyze security`, in tenths; 100 is a unit without any hardening


def complete(script, binary, *words):
    """What bash offers for the last word."""
    line = f'source {script}; COMP_WORDS=({binary} {" ".join(words)}); ' \
           f'COMP_CWORD={len(words)}; _winnow; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    return done.stdout.split()


def check_units(checking, top):
    """What systemd itself says of the units; their binary is where --prefix says, so a copy of the
    unit is looked at that names the one in the stage."""
    if not shutil.which("systemd-analyze"):
        return
    units = checking.folder / "units"
    units.mkdir()
    for name in ("winnow.service", "winnow.socket"):
        text = (top / "lib/systemd/system" / name).read_text()
        (units / name).write_text(text.replace("/usr/bin/winnow", str(top / "bin/winnow")))
    checking.check("ExecStart=/usr/bin/winnow serve " in
                   (top / "lib/systemd/system/winnow.service").read_text(),
                   "the unit does not name the binary that was installed")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(units / "winnow.service"),
                           str(units / "winnow.socket")], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "winnow" in line]
    checking.check(not said, f"systemd-analyze verify: {said}")
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes",
                           f"--threshold={EXPOSURE_MAX}", str(units / "winnow.service")],
                          capture_output=True, text=True)
    checking.check(done.returncode == 0 and "Overall exposure level" in done.stdout,
                   f"systemd-analyze security: {done.stdout[-300:]} {done.stderr[-300:]}")


def check_weights(checking, top):
    """The unit of a new installation, without /etc/default/winnow, uses the fitted weights."""
    unit = (top / "lib/systemd/system/winnow.service").read_text()
    options = re.search(r'^Environment="WINNOW_OPTIONS=(.*)"$', unit, re.MULTILINE)
    if not checking.check(options, "the unit names no options"):
        return
    sample = "tests/mail/sample.mbox"
    fitted = checking.scan(*options[1].split(), sample)
    checking.check(fitted == checking.scan("--var", "WINNOW_WEIGHTS=tuned", sample),
                   f"{options[1]}: these are not the fitted weights")
    checking.check(fitted != checking.scan(sample), "the fitted weights are those of Rspamd")


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

    check_units(checking, top)
    check_weights(checking, top)
    checking.options.winnow = top / "bin/winnow"
    sample = checking.source / "tests/mail/sample.mbox"
    built_in = checking.scan("--format", "jsonl", sample)
    from_files = checking.scan("--format", "jsonl", "--policy", top / "share/winnow/policy", sample)
    checking.equal("the policy as files", built_in, from_files)

    # The list of commands: short lines, every sentence in the column of the first.
    lines = checking.run("help").stdout.decode().splitlines()
    checking.check(max(map(len, lines)) <= 100, "a line of `winnow help` is over 100 letters long")
    column = lines[2].index("Scan messages")
    for line in lines[2:lines.index("", 2)]:
        checking.check(line.endswith("...") or not line.endswith(".") or
                       line[column - 1] == " " and line[column].isupper() and "  " not in line[column:],
                       f"no sentence at column {column} of `winnow help`: {line}")

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

    # The names that Rspamd's users call lie in a folder of their own.
    names = top / "share/winnow/bin"
    for name in ("rspamd", "rspamadm", "rspamc"):
        checking.check((names / name).is_symlink(), f"{name} is not installed")
        checking.check(not (top / "bin" / name).exists(), f"{name} is laid into bin")
    for line, part, code in (
            (["rspamadm", "configtest", "-c", "/nowhere/rspamd.conf"], "no such configuration", 2),
            (["rspamadm", "confighelp", "options.task_timeout"], "options.task_timeout", 0),
            (["rspamadm", "configdump", "-C", "--config", "", "actions"], '"reject"', 0),
            (["rspamadm", "dkim_keygen", "-s", "k1", "-d", "a.example"], "k1._domainkey IN TXT ( \"v=DKIM1; k=rsa; ", 0),
            (["rspamadm", "dkim_keygen", "-b", "1023"], "1023", 2),
            (["rspamadm", "dnstool", "nothing"], "spf-flatten", 2),
            (["rspamadm", "dnstool", "spf", "--server", "127.0.0.1:1", "-d", "a.example"], "nobody answered", 3),
            (["rspamc", "--commands"], "learn_ham", 0), (["rspamc", "-h", "127.0.0.1:1", "stat"], "refused", 3),
            (["rspamadm", "pw", "-q", "-e", "-p", "secret"], "$2$", 0),
            (["rspamadm", "pw", "-c", "-p", "secret", "$2$z1pag6fm6tob9gjzam5uaknrptaiamzo$"
              "fhju9dk19kemxoj6anz6tmii3ikup5sons33mxgtufifyarifswy"], "password incorrect", 1),
            (["rspamadm", "help"], "configdump", 0), (["rspamadm", "vault"], "does not have it", 2),
            (["rspamadm", "nothing"], "no command nothing", 2), (["rspamd", "-v"], "winnow", 0),
            (["rspamd", "--help"], "--no-fork", 0), (["rspamd", "-f", "-c", "/nowhere/x"], "/nowhere", 2)):
        done = subprocess.run([names / line[0], *line[1:]], capture_output=True, text=True,
                              env=dict(os.environ, XDG_CACHE_HOME=str(checking.cache)))
        checking.check(part in done.stdout + done.stderr and done.returncode == code,
                       f"{' '.join(line)}: {done.returncode} {done.stdout[:300]}{done.stderr[:300]}")

    script = top / "share/bash-completion/completions/winnow"
    binary = top / "bin/winnow"
    checking.check(complete(script, binary, "sc") == ["scan"], "completion of `winnow sc`")
    for words, wanted in ((("scan", "--format", "js"), ["jsonl"]), (("rules", "c"), ["cost"]),
                          (("learn", "h"), ["ham"]), (("dns", "spf-"), ["spf-flatten"]),
                          (("learn-log", "as"), ["as-of"])):
        checking.equal(f"completion of {words}", str(wanted), str(complete(script, binary, *words)))
    # A subcommand's own options and those of its command, each once.
    for words, wanted in ((("statistics-dump", "dump", "--js"), ["--json"]),
                          (("statistics-dump", "dump", "--stat"), ["--statistics"]),
                          (("statistics-dump", "restore", "--mode", "sub"), ["subtract"]),
                          (("rules", "list", "--format", "j"), ["json"])):
        checking.equal(f"completion of {words}", str(wanted), str(complete(script, binary, *words)))
    checking.check("--batch-rows" in complete(script, binary, "scan", "--ba"),
                   "completion of `winnow scan --ba`")
    checking.finish()


main()
