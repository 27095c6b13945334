"""Blocks of configuration from guides for operators (tests/config/README.md): each is laid out as
a site's directory, must load, and must have the effect that it promises."""

import json
import shlex
from concurrent.futures import ThreadPoolExecutor

from checking import Checking
from config_trees import read_blocks

MAIL = """From: Figures <figures@sender.example>
To: reader@our.example
Subject: Quarterly figures
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=cut

--cut
Content-Type: text/plain

The quarterly figures are in the file.
--cut
Content-Type: application/octet-stream; name="figures.scr"
Content-Disposition: attachment; filename="figures.scr"
Content-Transfer-Encoding: base64

bm90IGEgcHJvZ3JhbQ==
--cut--
"""


def look_up(value, path):
    """The value at a dotted path; keys may hold dots themselves, and sections of one name that
    stand several times are a list."""
    if not path:
        return value
    if isinstance(value, list):
        found = [look_up(one, path) for one in value if isinstance(one, dict)]
        return next((one for one in found if not isinstance(one, KeyError)), KeyError(path))
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        key = ".".join(parts[:count])
        if isinstance(value, dict) and key in value:
            return look_up(value[key], ".".join(parts[count:]))
    return KeyError(path)


class Block:
    def __init__(self, test, number, title, files, wanted):
        self.test, self.title, self.wanted = test, title, wanted
        self.folder = test.folder / str(number)
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        self.folder.mkdir(exist_ok=True)
        (self.folder / "rspamd.conf").touch()

    def run(self, *arguments, stdin=None):
        return self.test.run(*arguments, "--config", self.folder / "rspamd.conf", stdin=stdin)

    def values(self, name, text):
        try:
            found = json.loads(text)
        except ValueError as error:
            self.test.fail(f"{self.title}: {name}: {error}")
            return
        for line in self.wanted[name]:
            path, _, expected = line.partition(" = ")
            got = look_up(found, path)
            good = isinstance(got, KeyError) if expected == "absent" else got == json.loads(expected)
            self.test.check(good,
                            f"{self.title}: {name} {path} is {got!r}, not {expected}")

    def runs(self):
        """ARGUMENTS => part of what is printed; @ is the site's folder."""
        for line in self.wanted.get("runs", []):
            command, _, part = line.partition(" => ")
            done = self.test.run(*shlex.split(command.replace("@", str(self.folder))), stdin=b"")
            text = (done.stdout + done.stderr).decode()
            self.test.check(done.returncode == 0 and part in text,
                            f"{self.title}: {command} ends with {done.returncode} and does not say "
                            f"\"{part}\": {text[:600]}")

    def check(self):
        self.runs()
        done = self.run("configtest")
        lines = done.stderr.decode().splitlines()
        def is_note(line):
            return ": note: " in line or "is not there yet: this does nothing" in line
        notes = "\n".join(filter(is_note, lines))
        warnings = [line for line in lines if not is_note(line)]
        says = self.wanted.get("says", [])
        self.test.check(done.returncode == 0, f"{self.title}: configtest ends with "
                        f"{done.returncode}: {done.stderr.decode()}")
        for part in says:
            self.test.check(any(part in line for line in warnings), f"{self.title}: no warning "
                            f"says \"{part}\": {warnings}")
        if not says:
            self.test.check(not warnings, f"{self.title}: {warnings}")
        for part in self.wanted.get("notes", []):
            self.test.check(part in notes, f"{self.title}: no note names {part}: {notes}")
        for name, options in (("dump", ["-j"]), ("groups", ["-g", "-j"]), ("modules", ["-m", "-j"])):
            if name in self.wanted:
                self.values(name, self.run("configdump", *options).stdout)
        if "verdict" in self.wanted:
            line = json.dumps({"raw": MAIL, "from": "figures@sender.example", "ip": "198.51.100.7",
                               "rcpt": ["reader@our.example"], "now": "2026-10-22T00:00:00Z"})
            done = self.run("scan", "--format", "jsonl", "--read-as", "jsonl", "-",
                            stdin=line.encode())
            self.values("verdict", done.stdout)


def main():
    test = Checking(__doc__)
    blocks = [block for path in sorted((test.source / "tests/config/blocks").glob("*.blocks"))
              for block in read_blocks(path)]
    runs = [Block(test, number, *block) for number, block in enumerate(blocks)]
    runs[0].check()  # fills the cache of patterns
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Block.check, runs[1:]))
    test.check(len(runs) >= 50, f"only {len(runs)} blocks")
    test.finish()


main()
