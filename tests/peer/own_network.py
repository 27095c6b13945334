"""Work in a network of its own, where port 53 is ours and the machine asks it: for programs of others
that look names up as the machine does."""
import ctypes
import fcntl
import json
import os
import pathlib
import socket
import struct


def enter(folder):
    """This process from here on; OSError where it may not."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(done):
        if done != 0:
            raise OSError(ctypes.get_errno(), "no network of its own")
    call(libc.unshare(0x40000000 | 0x00020000))  # CLONE_NEWNET, CLONE_NEWNS
    call(libc.mount(b"none", b"/", None, 0x44000, None))  # MS_REC | MS_PRIVATE
    with socket.socket() as one:
        fcntl.ioctl(one, 0x8914, struct.pack("16sh14x", b"lo", 0x1))  # SIOCSIFFLAGS, IFF_UP
    hosts = pathlib.Path(folder) / "resolv.conf"
    hosts.write_text("nameserver 127.0.0.1\n")
    call(libc.mount(str(hosts).encode(), b"/etc/resolv.conf", None, 0x1000, None))  # MS_BIND


def run(folder, work):
    """What work() returns in a child process there, as JSON can say it; None where there can be no
    such network."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        out = None
        try:
            os.close(reading)
            enter(folder)
            out = work()
        except OSError:
            pass
        finally:
            os.write(writing, json.dumps(out).encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)
