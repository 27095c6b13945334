"""Servers of tests that take what is exported: HTTP that keeps requests, a port that takes connections
and says nothing."""
import http.server
import socket
import threading

WAIT_S = 120


class HttpSink(http.server.ThreadingHTTPServer):
    """`requests`: (path, headers, body) in order; a path that ends in a number is answered with it."""
    daemon_threads = True

    def __init__(self):
        self.requests = []
        self.changed = threading.Condition()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink = self.server
                with sink.changed:
                    sink.requests.append((self.path, self.headers, body))
                    sink.changed.notify_all()
                code = self.path.rsplit("/", 1)[-1]
                self.send_response(int(code) if code.isdigit() else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_port
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def of(self, path):
        return [one for one in list(self.requests) if one[0] == path]

    def wait(self, path, count=1):
        """The last of so many requests. Those of messages that came at once have no order."""
        return self.wait_all(path, count)[count - 1]

    def wait_all(self, path, count):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.of(path)) >= count, WAIT_S):
                raise AssertionError("%s never came: %s" % (path, [one[0] for one in self.requests]))
            return self.of(path)

    def stop(self):
        self.shutdown()
        self.server_close()


class SilentPort:
    """The kernel takes connections, nobody reads."""

    def __init__(self):
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(64)
        self.port = self.sock.getsockname()[1]

    def stop(self):
        self.sock.close()


def dead_port():
    """Where nobody listens: bound, so that nobody else gets it."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()[1]
