#!/usr/bin/env python3
"""Spam traps: the same recipients through Debian's rspamd and through a running Winnow, with the traps
in each kind of map that both know and in Redis; and what of it is learnt.

Compared are the option of SPAMTRAP, the action and what is said to the client. What differs must
stand in differences.md, "Spam traps"."""
import os
import sys
import tempfile
import time
from pathlib import Path

import paths  # noqa: F401
import differences
import engines
import redis_server
import service
from learn_mail import SPAM, message
from service import WAIT_S
from test_program import OPTIONS, require

PATTERNS = ("/^trap@here\\.example$/\n/^@at\\.example$/\ndom.example a value\nlonely\n"
            "BIG@here.example\n/^shouted@HERE/i\n/^list\\+tag@/\n")
NAMES = ("trap@here.example", "@dom.example", "bare.example", "list+tag@here.example")
# All that a case sets beside its recipients is of a request's headers.
CASES = {
    "a trap": (["trap@here.example"], {}),
    "upper case": (["TRAP@Here.Example"], {}),
    "a pattern in upper case": (["big@here.example"], {}),
    "a pattern without case": (["shouted@here.example"], {}),
    "a tag": (["trap+news@here.example"], {}),
    "a trap with a tag": (["list+tag@here.example"], {}),
    "a domain": (["x@dom.example"], {}),
    "below a domain": (["x@a.dom.example"], {}),
    "a domain alone": (["x@at.example"], {}),
    "a domain without @": (["x@bare.example"], {}),
    "a name": (["lonely@far.example"], {}),
    "nobody": (["b@far.example"], {}),
    "in brackets": (["<trap@here.example>"], {}),
    "no recipient": ([], {}),
    "two": (["b@far.example", "trap@here.example"], {}),
    "the same twice": (["trap@here.example", "trap@here.example"], {}),
    "two traps": (["x@dom.example", "trap@here.example"], {}),
    "of our network": (["trap@here.example"], {"IP": "192.168.0.9"}),
    "of a user": (["trap@here.example"], {"User": "ann"}),
    "without an address": (["trap@here.example"], {"IP": None}),
}
FILE = 'map = "@/traps.map"; '
SITES = {  # few: each starts an rspamd
    "file": FILE + 'action = "reject"; smtp_message = "gone";',
    "url": 'map = "file://@/traps.map"; symbol = "SPAMTRAP_OURS"; score = 3.5; '
           "check_local = true; check_authed = true;",
    "files, several": 'map = ["@/traps.map"]; action = "soft reject"; smtp_message = "later"; '
                      "allow_multiple_rcpts = true;",
    "redis": 'action = "add header"; smtp_message = "gone"; learn_spam = true;',
    "redis, several": 'key_prefix = "sptr_"; allow_multiple_rcpts = true;',
}


class Site:
    """Configures and asks one of the two."""

    def lay_out(self, folder, redis, options):
        (folder / "traps.map").write_text(PATTERNS)
        (folder / "traps.map").chmod(0o644)
        local = folder / "local.d"
        (local / "spamtrap.conf").write_text("enabled = true;\n" + options.replace("@", str(folder), 1))
        (local / "redis.conf").write_text('servers = "%s";\n' % redis.socket)
        (local / "greylist.conf").write_text("enabled = false;\n")
        (local / "classifier-bayes.conf").write_text('backend = "redis";\n')

    def told(self, rcpts, headers, mail=None):
        fields = {"IP": "203.0.113.9", "From": "a@far.example", **headers}
        lines = ["%s: %s" % one for one in fields.items() if one[1]]
        answer = engines.check(self.port, mail or message(SPAM, 1), lines + ["Rcpt: " + r for r in rcpts])
        found = {name: one for name, one in answer["symbols"].items() if name.startswith("SPAMTRAP")}
        text = " ".join("%s(%g)%s" % (name, one["score"], one["options"]) for name, one in found.items())
        if found and "smtp_message" in answer["messages"]:
            text += " %s: %s" % (answer["action"], answer["messages"]["smtp_message"])
        return text


class Rspamd(Site, engines.Rspamd):
    def __init__(self, work, redis, options):
        self.redis, self.options = redis, options
        super().__init__(work)

    def configure(self, local):
        (self.work / "override.d/classifier-bayes.conf").unlink()
        self.lay_out(self.work, self.redis, self.options)


class Winnow(Site):
    def __init__(self, work, redis, options):
        self.work = Path(work) / "winnow"
        (self.work / "local.d").mkdir(parents=True)
        self.lay_out(self.work, redis, options)
        self.serve = service.Serve(OPTIONS.winnow, "--config", str(self.work / "rspamd.conf"))
        self.port = self.serve.http

    def stop(self):
        self.serve.stop()


def sides(redis, options):
    work = tempfile.TemporaryDirectory(prefix="winnow-traps-")
    os.chmod(work.name, 0o755)
    theirs = Rspamd(work.name, redis, options)
    try:
        until = time.monotonic() + WAIT_S  # nothing tells when rspamd has read its maps
        while not theirs.told(*CASES["a trap"]) and time.monotonic() < until:
            time.sleep(0.05)
        yield theirs
    finally:
        theirs.stop()
    ours = Winnow(work.name, redis, options)
    try:
        yield ours
    finally:
        ours.stop()
        work.cleanup()


def learnt(side, redis):
    """How many of three messages to a trap and three to others are learnt as spam."""
    redis.ask("DEL", "RS")
    for number in range(3):
        for rcpt in ("trap@here.example", "b@far.example"):
            own = (1 if isinstance(side, Winnow) else 0) + 10 * number + 100 * len(rcpt)
            side.told([rcpt], {}, message(SPAM, own))
    until = time.monotonic() + WAIT_S  # nothing tells when rspamd has learnt
    while redis.ask.hash("RS").get("learns_spam") != "3" and time.monotonic() < until:
        time.sleep(0.05)
    return redis.ask.hash("RS").get("learns_spam")


def compare(name, redis, options, found):
    said = []
    for side in sides(redis, options):
        said.append({case: side.told(*what) for case, what in CASES.items()})
        if "learn_spam" in options:
            said[-1]["learnt"] = learnt(side, redis)
    hits = [sum(1 for case in CASES if told[case]) for told in said]
    print("%s: %d traps of rspamd, %d of ours; learnt: %s" %
          (name, *hits, [told.get("learnt", "-") for told in said]))
    for case in said[0]:
        theirs, ours = (told[case] for told in said)
        if theirs != ours:
            found[(name, case)] = "rspamd: %s; ours: %s" % (theirs or "nothing", ours or "nothing")


def main():
    require("rspamd", "redis-server")
    redis = redis_server.RedisServer()
    try:
        for name in NAMES:
            redis.ask("SET", "sptr_" + name, "1")
        found = {}
        for name, options in SITES.items():
            compare(name, redis, options, found)
    finally:
        redis.stop()
    listed = [tuple(row[:2]) for row in differences.rows("Spam traps")]
    return 1 if differences.unexplained(found, listed) else 0


if __name__ == "__main__":
    sys.exit(main())
