#!/usr/bin/env python3
"""HTTPCrypt between Winnow and Debian's rspamd and rspamc, each way: httpcrypt.py --winnow BINARY"""
import pathlib
import re
import subprocess
import tempfile
import unittest

import paths  # noqa: F401
import engines
import service
from proxy import metrics
from rspamd_bayes import post
from service import GTUBE, HAM, Milter, connect
from test_program import OPTIONS, require, run_tests

WINNOW = str(pathlib.Path(OPTIONS.winnow).resolve())
OURS, THEIRS = (WINNOW, "rspamc"), ("rspamc",)
MAIL = HAM % b"gtube" + GTUBE + b"\r\n"


class Rspamd(engines.Rspamd):
    keypair = ""

    def configure(self, local):
        worker = self.work / "override.d" / "worker-normal.inc"
        worker.write_text(worker.read_text() + self.keypair)


def keypair(*command):
    """A worker's section as the command makes it, and its public key."""
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return text, re.search('pubkey = "(.*)"', text).group(1)


class HttpCrypt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="winnow-crypt-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        # Each has the pair that the other one's tool made.
        ours, cls.our_key = keypair("rspamadm", "keypair")
        Rspamd.keypair, cls.their_key = keypair(WINNOW, "keypair")
        cls.rspamd = Rspamd(cls.folder / "theirs")
        cls.addClassCleanup(cls.rspamd.stop)
        cls.winnow = cls.serve("ours", {"worker-normal.inc": ours + "encrypted_only = true;\n",
                                        "worker-controller.inc": ours + 'password = "secret";\n'
                                        'secure_ip = ["203.0.113.0/24"];\n'})
        cls.addClassCleanup(cls.winnow.stop)
        cls.mail = cls.folder / "mail.eml"
        cls.mail.write_bytes(MAIL)

    @classmethod
    def serve(cls, name, files):
        site = cls.folder / name
        (site / "override.d").mkdir(parents=True)
        (site / "rspamd.conf").touch()
        for file, text in files.items():
            (site / "override.d" / file).write_text(text)
        return service.Serve(WINNOW, "--config", str(site / "rspamd.conf"), "--threads", "1")

    def ask(self, client, port, *arguments, code=0):
        done = subprocess.run([*client, "-h", "127.0.0.1:%d" % port, *arguments, str(self.mail)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=service.WAIT_S)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_each_client_with_each_service(self):
        for client in (OURS, THEIRS):
            for port, key in ((self.winnow.http, self.our_key), (self.rspamd.port, self.their_key)):
                with self.subTest(client=client, port=port):
                    for more in ([], ["-z"]):
                        said = self.ask(client, port, "--key", key, *more)
                        self.assertIn("Action: reject", said)
                        self.assertIn("Symbol: GTUBE", said)

    def test_who_has_no_key_or_another_one_learns_nothing(self):
        said = self.ask(OURS, self.winnow.http, "--key", self.their_key, code=3)
        self.assertIn("another key pair", said)
        said = self.ask(OURS, self.winnow.http, code=3)
        self.assertIn("only encrypted requests", said)
        self.assertNotIn("Action", self.ask(THEIRS, self.winnow.http, "--key", self.their_key,
                                            code=None))
        self.assertNotIn("Action", self.ask(THEIRS, self.winnow.http, code=None))
        said = self.ask(OURS, self.rspamd.port, "--key", self.our_key, code=3)
        self.assertNotIn("Action", said)
        self.assertIn("--key", self.ask(OURS, self.winnow.http, "--key", "abc", code=2))
        status, answer = post(self.winnow.http, "/checkv2", MAIL)
        self.assertEqual((status, answer["error"]), (403, "only encrypted requests are taken here"))

    def test_the_controller_opens_passwords(self):
        port = self.winnow.port("controller")
        for password, code in (("secret", 0), ("wrong", 3)):
            done = subprocess.run([*OURS, "-h", "127.0.0.1:%d" % port, "--key", self.our_key, "-P",
                                   password, "stat"], capture_output=True, text=True,
                                  timeout=service.WAIT_S)
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            self.assertEqual("Messages scanned" in done.stdout, code == 0)

    def test_upstreams_and_mirrors_of_the_milter(self):
        front = self.serve("front", {"worker-proxy.inc": '''
            upstream "scan" { hosts = "127.0.0.1:%d"; key = "%s"; default = yes; }
            mirror "copy" { hosts = "127.0.0.1:%d"; key = "%s"; }
            ''' % (self.rspamd.port, self.their_key, self.winnow.http, self.our_key)})
        self.addCleanup(lambda: self.assertEqual(front.stop(), 0))
        milter = Milter(connect(front.milter))
        self.addCleanup(milter.close)
        self.assertEqual(milter.scan(MAIL)[-1], (b"y", b"554 5.7.1 Gtube pattern\0"))
        self.assertNotEqual(milter.scan(HAM % b"sealed-one")[-1][0], b"t")
        self.winnow.wait_for("id: <sealed-one@")
        counts = metrics(front)
        self.assertEqual(counts["winnow_proxy_scanned_total"], 2)
        self.assertEqual(counts["winnow_mirror_failed_total"], 0)

    def test_another_key_is_a_tempfail_not_clear_mail(self):
        front = self.serve("wrong", {"worker-proxy.inc":
                           'max_retries = 1; upstream "scan" { hosts = "127.0.0.1:%d"; key = "%s"; '
                           'default = yes; }\n' % (self.winnow.http, self.their_key)})
        self.addCleanup(lambda: self.assertEqual(front.stop(), 0))
        milter = Milter(connect(front.milter))
        self.addCleanup(milter.close)
        self.assertEqual(milter.scan(HAM % b"never-seen")[-1][0], b"t")
        front.wait_for("status 400")
        self.assertFalse([line for line in self.winnow.lines if "never-seen" in line])


if __name__ == "__main__":
    require("rspamd", "rspamc", "rspamadm")
    run_tests()
