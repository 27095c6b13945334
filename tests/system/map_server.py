"""An HTTP server that behaves as badly as servers do: what it answers is chosen by the path."""
import socket
import socketserver
import threading
import time

STEP_S = 0.05


class Handler(socketserver.StreamRequestHandler):
    """One connection, one request."""

    def handle(self):
        request = self.rfile.readline().decode("latin-1").split()
        if len(request) < 2:
            return
        headers = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        path = request[1]
        owner = self.server.owner
        with owner.lock:
            owner.requests.append((path, headers))
        try:
            getattr(self, "do_" + path.strip("/").split(".")[0].split("?")[0], self.do_page)(
                path, headers)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def say(self, text):
        self.wfile.write(text if isinstance(text, bytes) else text.encode())
        self.wfile.flush()

    def head(self, status="200 OK", length=None, **headers):
        text = "HTTP/1.1 %s\r\nConnection: close\r\n" % status
        if length is not None:
            text += "Content-Length: %d\r\n" % length
        for name, value in headers.items():
            text += "%s: %s\r\n" % (name.replace("_", "-"), value)
        self.say(text + "\r\n")

    def hold(self):
        """Until the client hangs up."""
        self.connection.settimeout(60)
        try:
            while self.connection.recv(4096):
                pass
        except OSError:
            pass

    def do_page(self, path, headers):
        with self.server.owner.lock:
            page = self.server.owner.pages.get(path)
        if page is None:
            self.head("404 Not Found", 0)
            return
        body, extra = page
        etag = extra.get("ETag")
        if etag and headers.get("if-none-match") == etag:
            self.head("304 Not Modified", **extra)
            return
        self.head(length=len(body), **extra)
        self.say(body)

    def do_redirect(self, path, headers):
        self.head("302 Found", 0, Location="/good")

    def do_loop(self, path, headers):
        self.head("302 Found", 0, Location="/loop")

    def do_tofile(self, path, headers):
        self.head("302 Found", 0, Location="file:///etc/hostname")

    def do_stall(self, path, headers):
        self.head(length=1000)
        self.say("pear\n")
        self.hold()

    def do_silent(self, path, headers):
        self.hold()

    def do_cut(self, path, headers):
        self.head(length=1000)
        self.say("pear\nplum\nfi")

    def do_cutchunk(self, path, headers):
        self.head(Transfer_Encoding="chunked")
        self.say("a\r\npear\nplum\n\r\n")

    def do_long(self, path, headers):
        # In one piece, so that nothing depends on when which byte arrives.
        self.say("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npear\nplum\nfig\n")

    def do_huge(self, path, headers):
        self.head(length=10 ** 12)
        self.say("pear\n")
        self.hold()

    def do_endless(self, path, headers):
        self.head(Transfer_Encoding="chunked")
        while True:
            self.say("400\r\n" + "a" * 1023 + "\n\r\n")

    def do_error(self, path, headers):
        self.head("500 Broken", 5)
        self.say("oops\n")

    def do_garbage(self, path, headers):
        self.say(b"\x00\x01 this is no HTTP at all\r\n\r\n")

    def do_notmodified(self, path, headers):
        self.head("304 Not Modified")


class MapServer:
    """Serves `pages` (path: (bytes, headers)) and the paths above; keeps what it was asked."""

    class Tcp(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 128

    def __init__(self, port=0):
        self.lock = threading.Lock()
        self.requests = []
        self.pages = {}
        self.tcp = self.Tcp(("127.0.0.1", port), Handler)
        self.tcp.owner = self
        self.port = self.tcp.server_address[1]
        self.thread = threading.Thread(target=self.tcp.serve_forever, args=(STEP_S,), daemon=True)
        self.thread.start()

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def put(self, path, body, **headers):
        with self.lock:
            self.pages[path] = (body if isinstance(body, bytes) else body.encode(), headers)

    def take(self, path):
        with self.lock:
            self.pages.pop(path, None)

    def asked(self, path):
        with self.lock:
            return [headers for at, headers in self.requests if at == path]

    def stop(self):
        self.tcp.shutdown()
        self.tcp.server_close()
        self.thread.join()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("never: " + what)
        time.sleep(0.01)
