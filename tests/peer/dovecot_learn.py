#!/usr/bin/env python3
"""Moving a mail into Junk learns it, moving it out learns it as ham: a real Dovecot with imapsieve and the
files that are installed for it. dovecot_learn.py --winnow PATH --unpacked FOLDER [TEST...]

Debian's Dovecot is run from a folder where its packages were unpacked (`./dev test` does that)."""
import imaplib
import os
import pathlib
import pwd
import grp
import shlex
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
import paths  # noqa: F401
import service
from learn_mail import HAM, SPAM, message
from test_program import OPTIONS, run_tests, skip

UNPACKED = pathlib.Path(OPTIONS.unpacked).resolve()
FILES = HERE.parents[1] / "ingest" / "dovecot"
LIB = UNPACKED / "usr/lib/dovecot"

CONFIG = """base_dir = {folder}/run
state_dir = {folder}/state
ssl = no
default_internal_user = {user}
default_internal_group = {group}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 0
first_valid_gid = 0
mail_plugin_dir = {lib}/modules
mail_location = maildir:{folder}/mail
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    special_use = \\Junk
    auto = create
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
}}
plugin {{
  sieve_plugin_dir = {lib}/modules/sieve
}}
!include {folder}/90-winnow.conf
"""


class Dovecot:
    """The process that serves one reader, as the master starts it once he has logged in."""

    def __init__(self, folder, controller):
        self.folder = folder
        for name in ("run", "state", "mail", "sieve"):
            (folder / name).mkdir()
        # What an administrator does: the files in place, and where the controller is.
        for name in ("learn-spam.sieve", "learn-ham.sieve"):
            shutil.copy(FILES / name, folder / "sieve")
        script = folder / "sieve" / "winnow-learn"
        script.write_text((FILES / "winnow-learn").read_text().replace("127.0.0.1:11334",
                                                                       f"127.0.0.1:{controller}"))
        script.chmod(0o755)
        (folder / "90-winnow.conf").write_text(
            (FILES / "90-winnow.conf").read_text().replace("/usr/local/share/winnow/dovecot",
                                                           str(folder / "sieve")))
        # It refuses to be root.
        me = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        user, group = me.pw_name, grp.getgrgid(me.pw_gid).gr_name
        if os.getuid() == 0:
            folder.chmod(0o755)
            for name in ("run", "state", "mail", "sieve", "."):
                shutil.chown(folder / name, user, group)
        unpacked = UNPACKED
        if os.getuid() == 0 and any(not one.stat().st_mode & 1 for one in UNPACKED.parents):
            unpacked = folder / "unpacked"  # a tree in a home of root's: the user cannot go there
            shutil.copytree(UNPACKED / "usr", unpacked / "usr", symlinks=True)
        lib = unpacked / LIB.relative_to(UNPACKED)
        config = folder / "dovecot.conf"
        config.write_text(CONFIG.format(folder=folder, lib=lib, user=user, group=group))
        libraries = f"{lib}:{unpacked}/usr/lib/{os.uname().machine}-linux-gnu"
        # The reader of configuration starts it, as the master does, by the path that we give.
        self.client = imaplib.IMAP4_stream(shlex.join(
            ["env", "-i", f"LD_LIBRARY_PATH={libraries}", "PATH=" + os.environ["PATH"], "USER=anna",
             f"HOME={folder}", str(unpacked / "usr/bin/doveconf"), "-f", "service=imap", "-c",
             str(config), "-m", "imap", "-e", str(lib / "imap")])
            + " 2>" + shlex.quote(str(folder / "log")))

    def log(self):
        return (self.folder / "log").read_text()

    def stop(self):
        self.client.logout()


class DovecotTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="winnow-dovecot-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "local.d").mkdir()
        (self.folder / "rspamd.conf").touch()
        (self.folder / "local.d" / "worker-controller.inc").write_text('secure_ip = "127.0.0.1";\n')
        self.serve = service.Serve(OPTIONS.winnow, "--config", str(self.folder / "rspamd.conf"),
                                   "--statistics", str(self.folder / "statistics"), "--threads", "1")
        self.addCleanup(self.serve.stop)
        self.dovecot = Dovecot(self.folder, self.serve.port("controller"))
        self.addCleanup(self.dovecot.stop)
        self.client = self.dovecot.client

    def do(self, code, data):
        self.assertEqual(code, "OK", f"{data} {self.dovecot.log()}")
        return data

    def move(self, source, to, subject_number):
        self.do(*self.client.select(source))
        found = self.do(*self.client.search(None, "HEADER", "Message-ID", f"{subject_number}@"))
        self.assertEqual(len(found[0].split()), 1)
        self.do(*self.client._simple_command("MOVE", found[0].decode(), to))

    def learnt(self):
        done = subprocess.run([OPTIONS.winnow, "learn-log", "list", "--statistics",
                               self.folder / "statistics"], capture_output=True, text=True,
                              check=True)
        return [(line.split("\t")[1], line.split("\t")[3]) for line in done.stdout.splitlines()]

    def test_moves_between_folders_learn(self):
        for words in (SPAM, HAM):
            self.do(*self.client.append("INBOX", None, None, message(words, 1)))
        self.assertEqual(self.learnt(), [])  # a delivery teaches nothing
        self.move("INBOX", "Junk", f"{SPAM[0]}1")
        self.serve.wait_for("learned <lottery1@s.example> as spam")
        self.move("INBOX", "Junk", f"{HAM[0]}1")
        self.serve.wait_for("learned <meeting1@s.example> as spam")
        self.move("Junk", "INBOX", f"{HAM[0]}1")  # it was a mistake
        self.serve.wait_for("relearned <meeting1@s.example> as ham")
        self.move("Junk", "Trash", f"{SPAM[0]}1")  # cleaning up says nothing of a mail
        self.do(*self.client.append("Junk", None, None, message(SPAM, 2)))
        self.serve.wait_for("learned <lottery2@s.example> as spam")
        self.assertEqual(self.learnt(), [("spam", "controller"), ("spam", "controller"),
                                         ("ham", "controller"), ("spam", "controller")])
        self.assertNotIn("Error", self.dovecot.log())

    def test_a_service_that_is_away_holds_no_move_up(self):
        self.do(*self.client.append("INBOX", None, None, message(SPAM, 1)))
        self.serve.stop()
        self.move("INBOX", "Junk", f"{SPAM[0]}1")
        self.do(*self.client.select("Junk"))
        self.assertEqual(self.do(*self.client.search(None, "ALL"))[0].split(), [b"1"])


if __name__ == "__main__":
    if not (LIB / "imap").exists() or not (LIB / "modules/sieve").exists():
        skip("Dovecot is not unpacked")
    run_tests()
