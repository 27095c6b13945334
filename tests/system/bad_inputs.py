"""Bad input is named with its place and in the exit code, and everything else is scanned."""

import gzip
import io
import os
import shutil
import subprocess
import tarfile

from checking import Checking, sample_messages

GOOD, FINDINGS, USAGE, INPUTS = 0, 1, 2, 3


class Table:
    def __init__(self, checking):
        self.checking = checking
        self.folder = checking.folder
        self.messages = sample_messages(checking.source)
        self.good = self.folder / "good.eml"
        self.good.write_bytes(self.messages[0])

    def write(self, name, data):
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def row(self, name, arguments, code, words, verdicts=None):
        """Runs scan; stderr has to hold every word, stdout that many verdicts."""
        done = self.checking.run("scan", "--format", "jsonl", *arguments)
        said = done.stderr.decode("utf-8", "replace")
        self.checking.check(done.returncode == code,
                            f"{name}: exit code {done.returncode}, not {code}; said: {said[:500]}")
        for word in words:
            self.checking.check(str(word) in said, f"{name}: says nothing of {word!r}: {said[:500]}")
        if verdicts is not None:
            got = done.stdout.count(b"\n")
            self.checking.check(got == verdicts, f"{name}: {got} verdicts, not {verdicts}")


def inputs(table):
    good = table.good
    table.row("a good file", [good], GOOD, [], 1)
    missing = table.folder / "nothing-here"
    table.row("missing path", [missing, good], INPUTS, [missing, "no such file"], 1)
    if os.geteuid() != 0:
        closed = table.write("closed.eml", b"Subject: x\n\n")
        closed.chmod(0)
        table.row("unreadable file", [closed, good], INPUTS, [closed, "denied"], 1)
    else:
        # Nothing is closed to root; reading this one fails for everybody.
        table.row("unreadable file", ["/proc/self/mem", good], INPUTS, ["/proc/self/mem"], 1)

    mbox = (table.checking.source / "tests/mail/sample.mbox").read_bytes()
    cut = table.write("cut.mbox", mbox.rstrip(b"\n")[:-5])
    table.row("cut mbox", [cut, good], INPUTS, [cut, f"byte {len(mbox.rstrip()) - 5}"], 7)
    lines = b'{"raw":"Subject: a\\n\\nb\\n"}\n{"raw":"Subject: a\\n\n{"raw":"Subject: c\\n\\nd\\n"}\n'
    json = table.write("cut.jsonl", lines)
    table.row("cut JSON line", [json, good], INPUTS, [f"{json}:2", "JSON"], 3)
    json = table.write("field.jsonl", b'{"from":"a@example.org"}\n{"raw":"a: b\\n\\n","ip":"1.2.3"}\n'
                                      b'{"raw_base64":"*"}\n{"raw":"a: b\\n\\n","now":"noon"}\n')
    table.row("wrong JSON fields", [json, good], INPUTS,
              [f"{json}:1", f"{json}:2", "1.2.3", f"{json}:3", f"{json}:4", "noon"], 1)

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number, message in enumerate(table.messages):
            member = tarfile.TarInfo(f"{number}.eml")
            member.size = len(message)
            tar.addfile(member, io.BytesIO(message))
    whole = buffer.getvalue()
    second = 512 + (len(table.messages[0]) + 511) // 512 * 512  # where the second member begins
    broken = table.write("broken.tar", whole[:second] + b"\xff" * 512 + whole[second + 512:])
    table.row("broken tar", [broken, good], INPUTS, [broken])
    halved = table.write("halved.tar", whole[:second + 512 + 100])
    table.row("cut tar", [halved, good], INPUTS, [halved])
    squeezed = gzip.compress(whole)
    short = table.write("short.tar.gz", squeezed[:len(squeezed) // 2])
    table.row("cut tar.gz", [short, good], INPUTS, [short])
    rubbish = table.write("rubbish.tar.zst", b"\x28\xb5\x2f\xfd" + bytes(range(200)))
    table.row("rubbish under the name of an archive", [rubbish, good], INPUTS, [rubbish], 1)
    damaged = whole.replace(b"0.eml", b"\xff" * 5, 1)
    for name, data in (("first.tar", damaged), ("first.tar.gz", gzip.compress(damaged))):
        file = table.write(name, data)
        table.row(f"{name} with a damaged first header", [file, good], INPUTS, [file, "damaged header"], 1)
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as tar:
        for name, data in (("a.eml", table.messages[0]), ("b.mbox.gz", gzip.compress(mbox))):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("c.eml")
        link.type, link.linkname = tarfile.LNKTYPE, "a.eml"
        tar.addfile(link)
    nested = table.write("nested.tar", inner.getvalue())
    table.row("what a tar cannot give", [nested, good], INPUTS,
              [f"{nested}/b.mbox.gz", "packed inside", f"{nested}/c.eml", "a.eml"], 2)
    many = gzip.compress(b"".join(b"From a@x.example Mon Jan  1 10:00:00 2001\nSubject: %d\n\n%s\n\n"
                                  % (n, os.urandom(4096).hex().encode()) for n in range(200)))
    cut = table.write("cut.mbox.gz", many[:len(many) * 3 // 4])
    done = table.checking.run("scan", "--format", "jsonl", cut)
    got = done.stdout.count(b"\n")
    table.checking.check(done.returncode == INPUTS and 100 <= got <= 151 and b"middle of its gzip" in done.stderr,
                         f"cut mbox.gz: {done.returncode}, {got} verdicts, {done.stderr[:300]}")
    wrong = table.write("checksum.mbox.gz", many[:-8] + b"\0\0\0\0" + many[-4:])
    table.row("a wrong checksum of gzip", [wrong], INPUTS, [wrong, "checksum"])
    small = gzip.compress(mbox)
    short = table.write("short.mbox.gz", small[:-20])
    done = table.checking.run("scan", "--format", "jsonl", short)
    table.checking.check(done.returncode == INPUTS and done.stdout and b"middle of its gzip" in done.stderr,
                         f"a small cut mbox.gz: {done.returncode}, {done.stdout[:99]}, {done.stderr[:300]}")
    json = table.write("types.jsonl", b"".join(
        b'{"raw":"a: b\\n\\n",%s}\n' % more for more in
        (b'"now":true', b'"now":1e30', b'"from":7', b'"ip":1234', b'"rcpt":["a@x",null]', b'"rcpt":{}',
         b'"now":1606212000.25,"from":null,"rcpt":"a@x"')))
    table.row("JSON fields of a wrong type", [json], INPUTS,
              ["now is neither", "now is no time", "from", "field ip is no text", f"{json}:5: field rcpt",
               f"{json}:6: field rcpt"], 1)
    marked = table.write("marked.jsonl", b'\xef\xbb\xbf{ "raw":"a: b\\n\\n"}\n')
    table.row("JSON behind a mark", [marked], GOOD, [], 1)
    pipe = table.folder / "pipes"
    pipe.mkdir()
    os.mkfifo(pipe / "fifo")
    (pipe / "link").symlink_to("fifo")
    (pipe / "broken").symlink_to("nothing")
    table.row("what is no file", [pipe, good], INPUTS, [pipe / "broken"], 1)
    done = table.checking.run("scan", "/dev/stdin", stdin=squeezed)
    table.checking.check(done.returncode == INPUTS and b"not from a pipe" in done.stderr,
                         f"an archive through a pipe: {done.returncode}, {done.stderr[:300]}")
    empty = table.write("empty.eml", b"")
    table.row("an empty message is mail", [empty], GOOD, [], 1)


def options(table):
    good = table.good
    table.row("wrong option", ["--thread-count", "2", good], USAGE, ["--thread-count"], 0)
    table.row("option out of bounds", ["--threads", "0", good], USAGE, ["--threads"], 0)
    table.row("a size below zero", ["--memory", "-5", good], USAGE, ["--memory", "negative"], 0)
    table.row("wrong value", ["--format", "xml", good], USAGE, ["--format", "xml"], 0)
    table.row("wrong time", ["--now", "yesterday", good], USAGE, ["RFC 3339", "yesterday"], 0)
    table.row("mail beside a replay", ["--replay", "x.wev", good], USAGE, ["--replay"], 0)
    zipped = table.write("mail.zip", b"PK\x03\x04" + bytes(60))
    table.row("a zip archive", [zipped, good], INPUTS, [zipped, "zip archive"], 1)
    table.row("a zip archive as mail", ["--read-as", "message", zipped], GOOD, [], 1)
    table.row("nothing to scan", [], USAGE, ["nothing to scan"], 0)
    table.row("replay of what is no recording", ["--replay", good], USAGE, [good], 0)
    table.row("missing recording", ["--replay", table.folder / "no.wev"], USAGE, ["no.wev"], 0)
    table.row("recording into no folder", ["--record", table.folder / "no/where.wev", good], USAGE,
              ["where.wev"], 0)
    record = table.folder / "run.wev"
    table.row("recording", ["--record", record, good], GOOD, [], 1)
    table.row("recording again", ["--record", record, good], GOOD, [], 1)
    before = good.read_bytes()
    table.row("recording over mail", ["--record", good, good], USAGE, [good, "not overwritten"], 0)
    table.checking.equal("mail that was named as a recording", before, good.read_bytes())
    before = record.read_bytes()
    table.row("recording over what is replayed", ["--record", record, "--replay", record], USAGE,
              ["the same file"], 0)
    table.checking.equal("the recording", before, record.read_bytes())
    table.row("a name with what a terminal obeys", ["no\x1b[31m"], INPUTS, ["no\\x1b[31m"], 0)
    for redirect in ("2>/dev/full", "2>&-"):
        within = ["sh", "-c", f'"$@" {redirect}', "sh"]
        done = table.checking.run("scan", "--format", "jsonl", "nothing-here", good, within=within)
        table.checking.check(done.returncode == INPUTS and done.stdout.count(b"\n") == 1,
                             f"{redirect}: {done.returncode}, {done.stdout[:300]}")
    cut = table.write("cut.wev", record.read_bytes()[:-40])
    done = table.checking.run("scan", "--format", "jsonl", "--replay", cut)
    table.checking.check(done.returncode in (USAGE, INPUTS) and b"cut.wev" in done.stderr,
                         f"cut recording: exit code {done.returncode}, {done.stderr[:300]}")
    for name in ("no-such-command", ""):
        done = table.checking.run(name)
        table.checking.check(done.returncode == USAGE, f"command {name!r}: {done.returncode}")


def fresh_site(table):
    """The wizard begins where nothing is yet."""
    checking = table.checking
    for number, folder in enumerate((table.folder / "fresh", table.folder / "deep" / "er")):
        config = folder / "rspamd.conf" if number else folder
        done = checking.run("configwizard", "-c", config, "reject", stdin=b"12\n")
        checking.check(done.returncode == GOOD, f"configwizard: {done.returncode} {done.stderr}")
        done = checking.run("config", "why", "-c", folder, "actions.reject")
        checking.check(f"= {folder}/local.d/actions.conf:1".encode() in done.stdout,
                       f"after configwizard: {done.stdout} {done.stderr}")
    other = table.folder / "other"
    other.mkdir()
    (other / "file").touch()
    done = checking.run("configwizard", "-c", other, "reject", stdin=b"12\n")
    checking.check(done.returncode == USAGE and not (other / "local.d").exists(),
                   f"configwizard into another's folder: {done.returncode} {done.stderr}")


def locked(table):
    """A folder or file of the site that cannot be read is no folder or file that is not there."""
    checking = table.checking
    site = table.folder / "locked"
    (site / "local.d").mkdir(parents=True)
    (site / "rspamd.conf").touch()
    actions = site / "local.d" / "actions.conf"
    actions.write_text("reject = 20;\n")
    within = None
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            return
        within = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        table.folder.chmod(0o755)
    for path in (site / "local.d", actions):
        mode = path.stat().st_mode
        path.chmod(0)
        for command in ("configtest", "configdump"):
            done = checking.run(command, "-c", site / "rspamd.conf", within=within)
            checking.check(done.returncode == USAGE and str(path).encode() in done.stderr and
                           b"denied" in done.stderr,
                           f"{command} with {path.name} locked: {done.returncode} {done.stderr}")
        path.chmod(mode)
    done = checking.run("configtest", "-c", site / "rspamd.conf", within=within)
    checking.check(done.returncode == GOOD, f"unlocked: {done.returncode} {done.stderr}")


def full_disk(table):
    """What cannot be written is said, whichever command printed it."""
    record = table.folder / "full.wev"
    table.row("recording", ["--record", record, table.good], GOOD, [], 1)
    for command in (["scan", table.good], ["scan", "--format", "jsonl", table.good], ["configdump"],
                    ["explain", "--replay", record], ["help"], ["help", "options"], ["maps"],
                    ["completion", "bash"], ["dkim-keygen"], ["rules", "list"], ["limits"],
                    ["scan", "--help"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([table.checking.options.winnow.resolve(), *command], stdout=full,
                                  stderr=subprocess.PIPE, timeout=600,
                                  env=dict(os.environ, XDG_CACHE_HOME=str(table.checking.cache)))
        table.checking.check(done.returncode == INPUTS and
                             done.stderr.count(b"standard output cannot be written") == 1,
                             f"{command} to a full disk: {done.returncode}, {done.stderr[-300:]}")


def foreign_cache(table):
    """Without a home databases lie below the folder for temporary files, if nobody else can write there."""
    place = table.folder / "temporary"
    cache = place / f"winnow-{os.getuid()}"
    cache.mkdir(parents=True)
    environment = dict(os.environ, TMPDIR=str(place))
    for name in ("HOME", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    for mode, kept in ((0o777, False), (0o700, True)):
        cache.chmod(mode)
        done = subprocess.run([table.checking.options.winnow.resolve(), "scan", table.good],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600, env=environment)
        table.checking.check(done.returncode == GOOD, f"a cache of mode {mode:o}: {done.stderr[-300:]}")
        table.checking.check(any(cache.iterdir()) == kept,
                             f"a cache of mode {mode:o} has {len(list(cache.iterdir()))} files")


def configuration(table):
    site = table.folder / "site"
    (site / "local.d").mkdir(parents=True)
    main = site / "rspamd.conf"
    main.write_text("")
    actions = site / "local.d/actions.conf"
    good = table.good

    def row(name, text, code, words, verdicts, *more):
        actions.write_text(text)
        table.row(name, ["--config", main, *more, good], code, words, verdicts)

    row("good configuration", "reject = 20;\n", GOOD, [], 1)
    row("good configuration, strict", "reject = 20;\n", GOOD, [], 1, "--strict")
    row("syntax error", "reject = 20;\nadd_header = {\n", USAGE, ["actions.conf"], 0)
    row("a value that is no number", 'reject = 20;\n"unended\n', USAGE, ["actions.conf:2"], 0)
    actions.write_text("reject = 20;\n")
    odd = site / "local.d/options.inc"
    odd.write_text("no_such_option_anywhere = 3;\n")
    table.row("unknown key", ["--config", main, good], GOOD, ["no_such_option_anywhere"], 1)
    table.row("unknown key, strict", ["--config", main, "--strict", good], USAGE, ["--strict"], 0)
    odd.unlink()
    table.row("missing configuration", ["--config", site / "no.conf", good], USAGE, ["no.conf"], 0)


def main():
    checking = Checking(__doc__)
    table = Table(checking)
    inputs(table)
    options(table)
    full_disk(table)
    locked(table)
    foreign_cache(table)
    fresh_site(table)
    configuration(table)
    checking.finish()


main()
