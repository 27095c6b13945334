#!/usr/bin/env python3
"""Exim scanning through its `spam` condition: exim_spam.py --winnow PATH --unpacked FOLDER [TEST...]

Debian's Exim cannot be installed beside Postfix, so it is run from a folder where its package was
unpacked (`./dev test` does that). The user that the package would have made is handed in by
nss_wrapper."""
import glob
import os
import re
import smtplib
import subprocess
import tempfile
import unittest

import paths  # noqa: F401
import service
from mta import SENDER, WAIT_S, Sink, free_port
from service import GTUBE, HAM, SPAM, Http
from test_program import OPTIONS, require_root, run_tests, skip

UNPACKED = os.path.abspath(OPTIONS.unpacked)
EXIM = os.path.join(UNPACKED, "usr/sbin/exim4")
WRAPPER = glob.glob(os.path.join(UNPACKED, "usr/lib/*/libnss_wrapper.so"))

CONFIG = """primary_hostname = mx.example.net
exim_user = nobody
exim_group = nogroup
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/spool/pid
keep_environment = LD_PRELOAD : LD_LIBRARY_PATH : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
deliver_drop_privilege
tls_advertise_hosts =
prdr_enable = false
smtp_accept_max = 0
spamd_address = 127.0.0.1 {winnow} variant=rspamd
acl_smtp_rcpt = accept
acl_smtp_data = check

begin acl
check:
  deny spam = nobody:true
       condition = ${{if eq{{$spam_action}}{{reject}}}}
       message = spam: $spam_score points
  warn add_header = X-Spam-Score: $spam_score $spam_score_int $spam_action
  accept

begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1
  transport = sink
  self = send

begin transports
sink:
  driver = smtp
  port = {sink}
"""
PASSWD = ("root:x:0:0::/root:/bin/sh\nDebian-exim:x:65534:65534::/:/bin/false\n"
          "nobody:x:65534:65534::/:/bin/false\n")
GROUP = "root:x:0:\nDebian-exim:x:65534:\nnogroup:x:65534:\n"


class EximTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="winnow-exim-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = temporary.name
        cls.serve = service.Serve(OPTIONS.winnow, "--threads", "1")
        cls.addClassCleanup(cls.serve.stop)
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.stop)
        cls.start_exim()

    @classmethod
    def start_exim(cls):
        os.chmod(cls.folder, 0o755)
        for name in ("spool", "log"):
            path = os.path.join(cls.folder, name)
            os.mkdir(path)
            os.chown(path, 65534, 65534)
        for name, text in (("passwd", PASSWD), ("group", GROUP), ("exim.conf", CONFIG.format(
                folder=cls.folder, winnow=cls.serve.http, sink=cls.sink.port))):
            with open(os.path.join(cls.folder, name), "w") as file:
                file.write(text)
        libraries = [os.path.dirname(os.path.dirname(WRAPPER[0])), os.path.dirname(WRAPPER[0])]
        environment = {"PATH": os.environ["PATH"], "LD_PRELOAD": WRAPPER[0],
                       "LD_LIBRARY_PATH": ":".join(libraries),
                       "NSS_WRAPPER_PASSWD": os.path.join(cls.folder, "passwd"),
                       "NSS_WRAPPER_GROUP": os.path.join(cls.folder, "group")}
        cls.port = free_port()
        cls.exim = subprocess.Popen(
            [EXIM, "-C", os.path.join(cls.folder, "exim.conf"), "-bdf", "-odf", "-oX",
             "127.0.0.1.%d" % cls.port], env=environment, cwd=cls.folder)
        cls.addClassCleanup(cls.stop_exim)
        service.wait_until(lambda: smtplib.SMTP("127.0.0.1", cls.port, timeout=WAIT_S).quit(),
                           cls.exim)

    @classmethod
    def stop_exim(cls):
        cls.exim.terminate()
        cls.exim.wait(WAIT_S)

    def send(self, message, to):
        with smtplib.SMTP("127.0.0.1", self.port, timeout=WAIT_S) as smtp:
            smtp.sendmail(SENDER, [to], message)

    def score(self, message):
        http = Http(self.serve.http)
        reply = http.check(message, headers=b"From: <anna@example.org>\r\nRcpt: <x@example.net>\r\n"
                           b"IP: 127.0.0.1\r\n")
        http.close()
        return reply["score"], reply["action"]

    def test_clean_mail_carries_the_score(self):
        to = "clean@example.net"
        self.send(HAM % b"exim", to)
        self.sink.wait_until(lambda: self.sink.for_recipient(to), to)
        got, = self.sink.for_recipient(to)
        score = re.search(rb"^X-Spam-Score: (-?[0-9.]+) (-?\d+) (.*)\r\n", got, re.M)
        self.assertIsNotNone(score, got)
        self.assertEqual(score.group(3), b"no action")
        self.assertEqual(int(score.group(2)), round(float(score.group(1)) * 10))
        self.serve.wait_for("id: <exim@example.org>, qid: <")
        head, body = got.split(b"\r\n\r\n", 1)
        self.assertEqual(body, (HAM % b"exim").split(b"\r\n\r\n", 1)[1])

    def test_spam_is_refused_with_its_score(self):
        for message in (SPAM % b"exim", (HAM % b"gtube") + GTUBE + b"\r\n"):
            with self.assertRaises(smtplib.SMTPDataError) as refused:
                self.send(message, "spam@example.net")
            self.assertEqual(refused.exception.smtp_code, 550)
            points = re.match(rb"spam: ([0-9.]+) points", refused.exception.smtp_error)
            self.assertIsNotNone(points, refused.exception.smtp_error)
            self.assertGreaterEqual(float(points.group(1)), 10)
        self.assertEqual(self.sink.for_recipient("spam@example.net"), [])


if __name__ == "__main__":
    if not os.path.exists(EXIM) or not WRAPPER:
        skip("Exim was not unpacked in " + UNPACKED)
    require_root("Exim")
    run_tests()
