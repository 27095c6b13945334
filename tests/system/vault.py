#!/usr/bin/env python3
"""Signing keys in Vault: vault.py --winnow PATH. A stand-in on loopback answers as Vault's storage of
versions 1 and 2; what is signed with a key from there verifies with its public half."""
import http.server
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import time
import unittest

import service
from test_program import OPTIONS, run_tests

MAIL = (b"From: Ann <ann@%s>\r\nTo: bob@there.example\r\nSubject: pears\r\n"
        b"Date: Wed, 21 Oct 2026 09:00:00 +0000\r\nMessage-ID: <1@a.example>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nThe pears are ripe.\r\n")
TOKEN = "s.secret-token"


class Vault(http.server.ThreadingHTTPServer):
    """`stored`: what is at each path."""

    def __init__(self):
        self.stored, self.asked = {}, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.server.asked.append(self.path)
                if self.headers.get("X-Vault-Token") != TOKEN:
                    code, body = 403, b'{"errors":["permission denied"]}'
                elif self.path not in self.server.stored:
                    code, body = 404, b'{"errors":[]}'
                else:
                    code, body = 200, self.server.stored[self.path]
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.server_close()


class VaultTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="winnow-vault-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "local.d").mkdir()
        (self.folder / "rspamd.conf").touch()
        self.vault = Vault()
        self.addCleanup(self.vault.stop)

    def make_key(self, kind="rsa"):
        path = self.folder / ("%s.key" % kind)
        path.unlink(missing_ok=True)
        done = subprocess.run([OPTIONS.winnow, "dkim-keygen", "-s", "k", "-d", "x.example", "-b", "1024",
                               "-t", kind, "-k", path], capture_output=True, text=True, check=True)
        return path.read_text(), "".join(re.findall(r'"([^"]*)"', done.stdout))

    def configure(self, more="", module="dkim_signing", token=TOKEN):
        (self.folder / "local.d" / (module + ".conf")).write_text(
            f'use_vault = true; vault_url = "http://127.0.0.1:{self.vault.server_port}/"; '
            f'vault_token = "{token}"; sign_authenticated = true; {more}\n')

    def serve(self):
        serve = service.Serve(OPTIONS.winnow, "--config", self.folder / "rspamd.conf", "--threads", "1")
        self.addCleanup(serve.stop)
        return serve

    def ask(self, serve, domain):
        http = service.Http(serve.http)
        self.addCleanup(http.close)
        return http.check(MAIL % domain, headers=b"User: ann@%s\r\nFrom: ann@%s\r\n" % (domain, domain))

    def signed(self, serve, domain):
        reply = self.ask(serve, domain)
        header = reply.get("dkim-signature", [])
        return (reply["symbols"].get("DKIM_SIGNED", {}).get("options", []),
                [header] if isinstance(header, str) else header)

    def store(self, path, *keys, version=1):
        data = {"selectors": [dict(zip(("selector", "key", "valid_start", "valid_end"), one))
                              for one in keys]}
        self.vault.stored[path] = json.dumps(
            {"data": data if version == 1 else {"data": data, "metadata": {"version": 1}}}).encode()

    def test_keys_of_a_domain(self):
        rsa, record = self.make_key()
        ed25519, _ = self.make_key("ed25519")
        now = int(time.time())
        self.store("/v1/dkim/a.example", ("may", rsa, now - 1000, now + 100_000), ("june", ed25519),
                   ("old", rsa, 1, now - 1000), ("late", rsa, now + 100_000), ("broken", "no key"))
        self.configure()
        serve = self.serve()
        options, headers = self.signed(serve, b"a.example")
        self.assertEqual(options, ["a.example:s=may", "a.example:s=june"])
        self.assertEqual(self.signed(serve, b"nobody.example"), ([], []))
        for odd in (b"x/../a.example", b"a.example?x", b"%61.example", b"a.example#"):
            self.assertEqual(self.signed(serve, odd), ([], []), odd)
        for path in self.vault.asked:
            self.assertRegex(path, r"^/v1/dkim/[a-z0-9.-]+$")
        self.assertEqual(self.signed(serve, b"a.example")[0], options)
        # All keys of a domain are one question, and believed for a minute.
        self.assertEqual(self.vault.asked.count("/v1/dkim/a.example"), 1)
        # What is signed so verifies.
        header = next(one for one in headers if "s=may;" in one)
        mail = b"DKIM-Signature: " + re.sub(r"\r?\n", "\r\n", header).encode() + b"\r\n" + MAIL % b"a.example"
        (self.folder / "local.d" / "dkim_signing.conf").write_text("enabled = false;\n")
        (self.folder / "local.d" / "options.inc").write_text(
            'dns { fake_records = [{ name = "may._domainkey.a.example"; type = txt; replies = ["%s"]; }] }\n'
            % record)
        (self.folder / "m.eml").write_bytes(mail)
        done = subprocess.run([OPTIONS.winnow, "scan", "--config", self.folder / "rspamd.conf", "--format",
                               "jsonl", self.folder / "m.eml"], capture_output=True)
        symbols = json.loads(done.stdout)["symbols"]
        self.assertEqual(symbols["R_DKIM_ALLOW"]["options"], ["a.example:s=may"], done.stderr)
        self.assertNotIn(TOKEN, "".join(serve.lines))
        self.assertNotIn("PRIVATE", "".join(serve.lines))

    def test_storage_of_version_2(self):
        rsa, _ = self.make_key()
        self.store("/v1/keys/mail/data/a.example", ("may", rsa), version=2)
        self.configure('vault_kv_version = 2; vault_path = "keys/mail";')
        self.assertEqual(self.signed(self.serve(), b"a.example")[0], ["a.example:s=may"])

    def test_domains_that_are_there(self):
        """Others have their keys in files as ever."""
        rsa, _ = self.make_key()
        (self.folder / "b.example.dkim.key").write_text(rsa)
        self.store("/v1/dkim/mail.a.example", ("may", rsa))
        self.configure('vault_domains = ["*.a.example"]; use_esld = false; '
                       'path = "%s/$domain.$selector.key";' % self.folder)
        serve = self.serve()
        self.assertEqual(self.signed(serve, b"mail.a.example")[0], ["mail.a.example:s=may"])
        self.assertEqual(self.signed(serve, b"b.example")[0], ["b.example:s=dkim"])
        self.assertEqual(self.vault.asked, ["/v1/dkim/mail.a.example"])

    def test_arc_seals(self):
        rsa, _ = self.make_key()
        self.store("/v1/dkim/a.example", ("may", rsa))
        self.configure('use_domain = "header";', module="arc")
        reply = self.ask(self.serve(), b"a.example")
        self.assertEqual(reply["symbols"]["ARC_SIGNED"]["options"], ["a.example:s=may:i=1"])
        self.assertIn("s=may;", str(reply["milter"]["add_headers"]["ARC-Seal"]))

    def test_without_it_nothing_is_signed(self):
        rsa, _ = self.make_key()
        self.store("/v1/dkim/a.example", ("may", rsa))
        self.configure(token="wrong")
        self.assertEqual(self.signed(self.serve(), b"a.example"), ([], []))
        for rubbish in (b"", b"<html>", b"[]", b'{"data":{"selectors":7}}', b"{" * 100_000):
            self.vault.stored["/v1/dkim/a.example"] = rubbish
            self.configure()
            self.assertEqual(self.signed(self.serve(), b"a.example"), ([], []), rubbish[:20])
        self.vault.stop()
        self.assertEqual(self.signed(self.serve(), b"a.example"), ([], []))

    def test_wrong_options_are_told(self):
        for text, said in (("vault_url = \"nonsense\";", "vault_url"), ("vault_token = \"\";", "vault_token"),
                           ("vault_kv_version = 3;", "vault_kv_version"),
                           ("vault_kv_version = 4294967297;", "vault_kv_version")):
            (self.folder / "local.d" / "dkim_signing.conf").write_text(
                'use_vault = true; vault_url = "http://127.0.0.1:9/"; vault_token = "t";\n')
            (self.folder / "override.d").mkdir(exist_ok=True)
            (self.folder / "override.d" / "dkim_signing.conf").write_text(text + "\n")
            self.serve().wait_for(said)


if __name__ == "__main__":
    run_tests()
