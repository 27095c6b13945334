#!/usr/bin/env python3
"""Maps from outside: files, HTTP servers good and bad, signatures, the cache, reload while serving.

maps.py --winnow PATH [TEST...]. Servers are ours (map_server.py) and nginx, where it is installed.
Conditions are waited for, never slept for."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import service
from map_server import MapServer, free_port, wait_until
from service import HAM, Http
from test_program import OPTIONS, PATTERNS, run_tests

WINNOW = str(Path(OPTIONS.winnow).resolve())
os.environ["no_proxy"] = "*"  # servers are on this machine


class Site:
    """A configuration with multimap rules, and a cache of its own that shares compiled patterns."""

    def __init__(self, test, options="", maps="read_timeout = 0.4s; max_size = 100kb;"):
        self.test = test
        self.folder = Path(tempfile.mkdtemp(prefix="winnow-maps-"))
        test.addCleanup(shutil.rmtree, self.folder, True)
        (self.folder / "local.d").mkdir()
        self.conf = self.folder / "rspamd.conf"
        self.conf.write_text("")
        self.cache = self.folder / "cache"
        self.cache.mkdir()
        PATTERNS.mkdir(parents=True, exist_ok=True)
        self.copies = self.folder / "copies"
        self.copies.mkdir()
        (self.folder / "local.d" / "options.inc").write_text(
            'maps_cache_dir = "%s";\n%s\n' % (self.copies, options))
        (self.folder / "rspamd.conf.local").write_text("maps { %s }\n" % maps)
        self.rules = ""

    def rule(self, name, *sources, kind="from", more=""):
        self.rules += '%s { type = "%s"; map = [%s]; score = 1; %s }\n' % (
            name, kind, ", ".join('"%s"' % one for one in sources), more)
        (self.folder / "local.d" / "multimap.conf").write_text(self.rules)

    def path(self, name, text):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def maps(self, *options):
        """What `winnow maps` says: {first source: (entries, text of the whole block)}."""
        run = subprocess.run([WINNOW, "maps", "--config", self.conf, "--cache", PATTERNS, *options],
                             capture_output=True, text=True, timeout=service.WAIT_S)
        self.test.assertIn(run.returncode, (0, 1), run.stderr)
        out = {}
        for line in run.stdout.splitlines()[1:]:
            words = line.split()
            if not line.startswith(" "):
                name = words[5]
                out[name] = (int(words[1]), line)
            else:
                out[name] = (out[name][0], out[name][1] + "\n" + line.strip())
        return out

    def serve(self, *options):
        return service.Serve(WINNOW, "--config", str(self.conf), "--cache", str(PATTERNS),
                             "--threads", "1", *options)


def symbols(port, sender):
    http = Http(port)
    reply = http.check(HAM % b"1", headers=b"From: <" + sender.encode() + b">\r\nIP: 192.0.2.9\r\n")
    http.close()
    return reply["symbols"]


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.server = MapServer()
        self.addCleanup(self.server.stop)

    def test_bad_servers(self):
        site = Site(self, options="max_map_size = 1mb;")
        self.server.put("/good", "pear\nplum\n")
        expected = {
            "/good": (2, ""), "/redirect": (2, ""),
            "/loop": (0, "redirects"), "/tofile": (0, "not supported"),
            "/stall": (0, "stalls: no byte came for 400 ms"), "/silent": (0, "stalls"),
            "/cut": (0, "is cut off"), "/cutchunk": (0, "is cut off"),
            "/long": (0, "is longer than its Content-Length says"),
            "/huge": (0, "is larger than 102400 bytes"),
            "/endless": (0, "is larger than 102400 bytes"),
            "/error": (0, "answers 500"), "/absent": (0, "answers 404"),
            "/garbage": (0, "cannot be fetched"), "/notmodified": (0, "answers 304"),
        }
        for number, path in enumerate(expected):
            site.rule("R%d" % number, self.server.url(path))
        said = site.maps()
        for path, (entries, text) in expected.items():
            with self.subTest(path):
                got = said[self.server.url(path)]
                self.assertEqual(got[0], entries, got[1])
                self.assertIn(text, got[1])

    def test_a_server_that_is_not_there(self):
        site = Site(self)
        nowhere = "http://127.0.0.1:%d/list" % free_port()
        site.rule("A", nowhere, "fallback+file://" + site.path("fallback", "pear\n"))
        site.rule("B", nowhere + "2")
        said = site.maps()
        self.assertEqual(said[nowhere][0], 1)
        self.assertIn("cannot be fetched", said[nowhere][1])
        self.assertEqual(said[nowhere + "2"][0], 0)

    def test_conditional_requests_and_hot_start(self):
        site = Site(self, options="map_watch_interval = 10ms;")
        stamp = "Tue, 24 Nov 2026 10:00:00 GMT"
        self.server.put("/a", "pear\nplum\n", ETag='"one"', Last_Modified=stamp)
        self.server.put("/fresh", "fig\n", Cache_Control="private, max-age=3600")
        self.server.put("/private", "kiwi\n", Cache_Control="no-store")
        url = self.server.url
        for name in ("a", "fresh", "private"):
            site.rule(name.upper(), url("/" + name))
        self.assertEqual([site.maps()[url(p)][0] for p in ("/a", "/fresh", "/private")], [2, 1, 1])
        # Due again after 10 ms (and a tenth), but for /fresh.
        wait_until(lambda: site.maps() and len(self.server.asked("/a")) > 1, "asked again")
        first, second = self.server.asked("/a")[:2]
        self.assertNotIn("if-none-match", first)
        self.assertEqual(second["if-none-match"], '"one"')
        self.assertEqual(second["if-modified-since"], stamp)
        self.assertEqual(len(self.server.asked("/fresh")), 1)
        self.assertNotIn("if-none-match", self.server.asked("/private")[-1])
        self.assertEqual(site.maps()[url("/a")][0], 2)
        self.server.put("/a", "pear\nplum\nfig\n", ETag='"two"')
        self.assertEqual(site.maps()[url("/a")][0], 3)
        # What was kept is there without a server; what may not be kept is not.
        asked = len(self.server.requests)
        offline = site.maps("--offline")
        self.assertEqual([offline[url(p)][0] for p in ("/a", "/fresh", "/private")], [3, 1, 0])
        self.assertEqual(len(self.server.requests), asked)
        self.server.take("/a")
        gone = site.maps()[url("/a")]
        self.assertEqual(gone[0], 3)
        self.assertIn("answers 404", gone[1])
        for copy in site.copies.glob("*.map"):
            copy.write_bytes(copy.read_bytes()[:-1])
        self.assertEqual(site.maps("--offline")[url("/a")][0], 0)

    def test_scan_takes_them_and_says_what_is_missing(self):
        site = Site(self)
        self.server.put("/list", "example.org\n")
        site.rule("LISTED", self.server.url("/list"), more='filter = "email:domain";')
        site.rule("MISSING", self.server.url("/absent"))
        mail = site.path("mail.eml", HAM % b"1")
        scan = [WINNOW, "scan", "--config", site.conf, "--cache", PATTERNS, "--quiet", "--format",
                "csv", mail]
        offline = subprocess.run(scan + ["--offline"], capture_output=True, text=True)
        self.assertNotIn("LISTED", offline.stdout)
        self.assertIn("2 map sources on the network give nothing and count as empty; the first: "
                      + self.server.url("/list") + " is not fetched yet", offline.stderr)
        self.assertEqual(self.server.requests, [])
        online = subprocess.run(scan, capture_output=True, text=True)
        self.assertIn("LISTED", online.stdout)
        self.assertIn("1 map sources on the network give nothing", online.stderr)
        self.assertIn("answers 404", online.stderr)
        again = subprocess.run(scan + ["--offline"], capture_output=True, text=True)
        self.assertEqual(again.stdout, online.stdout)

    def test_packed(self):
        if not shutil.which("zstd"):
            self.skipTest("zstd is not here")
        pack = lambda data: subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True,
                                           check=True).stdout
        site = Site(self, options="max_map_size = 1mb;")
        packed = pack(b"pear\nplum\n")
        self.server.put("/a.zst", packed)
        self.server.put("/q.zst?v=1", packed)
        self.server.put("/cut.zst", packed[:-4])
        self.server.put("/bomb.zst", pack(b"\n" * (8 << 20)))
        url = self.server.url
        for number, name in enumerate(("/a.zst", "/q.zst?v=1", "/cut.zst", "/bomb.zst")):
            site.rule("R%d" % number, url(name))
        said = site.maps()
        self.assertEqual(said[url("/a.zst")][0], 2)
        self.assertEqual(said[url("/q.zst?v=1")][0], 2)
        self.assertIn("is cut off", said[url("/cut.zst")][1])
        self.assertIn("unpacks to more than 1048576 bytes", said[url("/bomb.zst")][1])


class FileTest(unittest.TestCase):
    def test_files_that_are_no_maps(self):
        site = Site(self)
        sparse = site.folder / "sparse"
        with open(sparse, "wb") as file:
            file.truncate(1 << 30)
        os.mkfifo(site.folder / "fifo")
        folder, fifo = str(site.folder / "local.d"), str(site.folder / "fifo")
        for name, path in (("BIG", str(sparse)), ("FOLDER", folder), ("FIFO", fifo),
                           ("ABSENT", "/absent/map")):
            site.rule(name, path)
        said = site.maps()
        self.assertIn("is larger than 256 MiB (options.max_map_size)", said[str(sparse)][1])
        self.assertIn("is a directory", said[folder][1])
        self.assertIn("is no file", said[fifo][1])
        self.assertIn("is absent", said["/absent/map"][1])


class ServeTest(unittest.TestCase):
    def start(self, site):
        serve = site.serve()
        self.addCleanup(lambda: self.assertEqual(serve.stop(), 0))
        return serve

    def test_files_are_watched(self):
        site = Site(self)
        path = site.path("list", "one@example.org\n")
        site.rule("LISTED", path, more='filter = "email:addr";')
        serve = self.start(site)
        self.assertIn("LISTED", symbols(serve.http, "one@example.org"))
        self.assertNotIn("LISTED", symbols(serve.http, "two@example.org"))
        fresh = site.path("list.new", "two@example.org\n")
        os.rename(fresh, path)
        serve.wait_for("maps reloaded")
        self.assertIn("LISTED", symbols(serve.http, "two@example.org"))
        self.assertNotIn("LISTED", symbols(serve.http, "one@example.org"))
        # A map that is gone leaves what was read, and says so.
        os.unlink(path)
        serve.wait_for("maps reloaded", 2)
        serve.wait_for("is absent; it counts as empty; what was read before stays")
        self.assertIn("LISTED", symbols(serve.http, "two@example.org"))
        # It is back, written in place.
        site.path("list", "three@example.org\n")
        wait_until(lambda: "LISTED" in symbols(serve.http, "three@example.org"), "the file is back")

    def test_configuration_is_read_at_hup_alone(self):
        site = Site(self)
        path = site.path("list", "one@example.org\n")
        site.rule("LISTED", path, more='filter = "email:addr";')
        serve = self.start(site)
        site.rule("OTHER", path, more='filter = "email:addr";')
        site.path("list", "two@example.org\n")
        serve.wait_for("maps reloaded")
        self.assertNotIn("OTHER", symbols(serve.http, "two@example.org"))
        serve.process.send_signal(service.signal.SIGHUP)
        serve.wait_for("rules reloaded")
        self.assertIn("OTHER", symbols(serve.http, "two@example.org"))

    def test_remote(self):
        server = MapServer()
        self.addCleanup(server.stop)
        site = Site(self, options="map_watch_interval = 20ms;")
        server.put("/list", "one@example.org\n")
        site.rule("LISTED", server.url("/list"), more='filter = "email:addr";')
        serve = self.start(site)  # cold: fetched when it is up
        serve.wait_for("maps reloaded")
        self.assertIn("LISTED", symbols(serve.http, "one@example.org"))
        server.put("/list", "two@example.org\n")
        serve.wait_for("maps reloaded", 2)
        self.assertIn("LISTED", symbols(serve.http, "two@example.org"))
        server.take("/list")
        serve.wait_for("answers 404; its last copy stays")
        self.assertIn("LISTED", symbols(serve.http, "two@example.org"))
        hot = site.serve()
        self.assertIn("LISTED", symbols(hot.http, "two@example.org"))
        self.assertEqual(hot.stop(), 0)


class SignedTest(unittest.TestCase):
    def keypair(self, site, name):
        path = site.folder / name
        subprocess.run([WINNOW, "keypair", "-s", "-o", path], check=True, capture_output=True)
        text = path.read_text()
        return str(path), text.split('pubkey = "')[1].split('"')[0]

    def sign(self, pair, path):
        subprocess.run([WINNOW, "signtool", "-k", pair, path], check=True, capture_output=True)

    def test_files_and_servers(self):
        server = MapServer()
        self.addCleanup(server.stop)
        site = Site(self)
        pair, key = self.keypair(site, "trusted")
        other, other_key = self.keypair(site, "other")
        (site.folder / "local.d" / "options.inc").write_text(
            'maps_cache_dir = "%s"; trusted_keys = ["%s"];\n' % (site.copies, key))
        path = site.path("list", "pear\nplum\n")
        self.sign(pair, path)
        foreign = site.path("foreign", "pear\n")
        self.sign(other, foreign)
        bare = site.path("bare", "pear\n")
        body, signature = Path(path).read_bytes(), Path(path + ".sig").read_bytes()
        server.put("/list", body)
        server.put("/list.sig", signature)
        server.put("/forged", body + b"fig\n")
        server.put("/forged.sig", signature)
        server.put("/bare", body)
        url = server.url
        expected = [
            ("sign+file://" + path, "sign+" + path, 2, ""),
            ("sign+" + foreign, "sign+" + foreign, 0, "is not signed by a trusted key"),
            ("sign+key=%s+%s" % (other_key, foreign), "key=%s+%s" % (other_key, foreign), 1, ""),
            ("sign+" + bare, "sign+" + bare, 0, "has no signature: its .sig is absent"),
            ("sign+" + url("/list"), "sign+" + url("/list"), 2, ""),
            ("key=%s+%s" % (other_key, url("/list")), "key=%s+%s" % (other_key, url("/list")), 0,
             "is not signed by its key"),
            ("key=abc+" + url("/list"), "key=abc+" + url("/list"), 0, '"abc" is no public key'),
            ("sign+" + url("/forged"), "sign+" + url("/forged"), 0,
             "is not signed by a trusted key"),
            ("sign+" + url("/bare"), "sign+" + url("/bare"), 0, "has no signature"),
        ]
        for number, one in enumerate(expected):
            site.rule("R%d" % number, one[0])
        said = site.maps()
        for _, name, entries, text in expected:
            with self.subTest(name):
                self.assertEqual(said[name][0], entries, said[name][1])
                self.assertIn(text, said[name][1])
        # A copy is checked again when it is read.
        for copy in site.copies.glob("*.map"):
            copy.write_bytes(copy.read_bytes().replace(b"signature: ", b"signature: y"))
        self.assertEqual(site.maps("--offline")["sign+" + url("/list")][0], 0)


@unittest.skipUnless(shutil.which("nginx", path="/usr/sbin:/usr/bin:/bin") and
                     shutil.which("openssl"), "nginx is not here")
class NginxTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="winnow-nginx-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.folder.chmod(0o755)
        (self.folder / "www").mkdir()
        self.port, self.secure = free_port(), free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                        self.folder / "key.pem", "-out", self.folder / "cert.pem"], check=True,
                       capture_output=True)
        temporary = "".join("%s_temp_path %s/t; " % (kind, self.folder) for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text("""
daemon off; master_process off; pid %(d)s/pid; error_log %(d)s/error.log;
events { worker_connections 64; }
http { %(t)s access_log %(d)s/access.log;
  server { listen 127.0.0.1:%(p)d; listen 127.0.0.1:%(s)d ssl; root %(d)s/www;
    ssl_certificate %(d)s/cert.pem; ssl_certificate_key %(d)s/key.pem;
    location /fresh { expires 1h; }
    location /moved { return 301 /list; } } }
""" % {"d": self.folder, "t": temporary, "p": self.port, "s": self.secure})
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/bin")
        self.process = subprocess.Popen(
            [nginx, "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"],
            stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop)
        wait_until(self.answers, "nginx answers")

    def stop(self):
        self.process.terminate()
        self.process.wait(service.WAIT_S)

    def answers(self):
        self.assertIsNone(self.process.poll(), "nginx ended")
        try:
            service.connect(self.port).close()
            return True
        except OSError:
            return False

    def statuses(self, path):
        lines = (self.folder / "access.log").read_text().splitlines()
        return [line.split('" ')[1][:3] for line in lines if '"GET %s ' % path in line]

    def test_conditional(self):
        site = Site(self, options='map_watch_interval = 10ms; ssl_ca_path = "%s";' %
                    (self.folder / "cert.pem"))
        www = self.folder / "www"
        (www / "list").write_text("pear\nplum\n")
        (www / "fresh").write_text("fig\n")
        plain = "http://127.0.0.1:%d" % self.port
        secure = "https://localhost:%d" % self.secure
        wrong = "https://127.0.0.1:%d" % self.secure  # not the name of the certificate
        site.rule("A", plain + "/list")
        site.rule("B", plain + "/fresh")
        site.rule("C", plain + "/moved")
        site.rule("D", secure + "/list?tls")
        site.rule("E", wrong + "/list?name")
        said = site.maps()
        counts = [said[one][0] for one in (plain + "/list", plain + "/fresh", plain + "/moved",
                                           secure + "/list?tls", wrong + "/list?name")]
        self.assertEqual(counts, [2, 1, 2, 2, 0])
        self.assertIn("SSL", said[wrong + "/list?name"][1])
        wait_until(lambda: site.maps() and "304" in self.statuses("/list"), "304")
        self.assertEqual(self.statuses("/fresh"), ["200"])
        self.assertEqual(site.maps()[plain + "/list"][0], 2)
        fresh = www / "list.new"
        fresh.write_text("pear\nplum\nfig\n")
        fresh.rename(www / "list")
        wait_until(lambda: site.maps()[plain + "/list"][0] == 3, "the new list")


if __name__ == "__main__":
    run_tests()
