"""The launcher's own process: it has little memory, so that its forks take a fraction of the monitor's.

Started by `launcher.Launcher`, from the standard library and `birth` alone. Its children are the monitor's.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import gc
import os
import signal
import socket
import struct

from nodeagent.system.birth import Child, Image, be_ordinary, become, clone, numbers

ANSWER = struct.Struct("=qi")  # the child's number, or 0 and errno
HELLO = b"launcher"
MOST = 65536  # bytes of a request

_ROOM = socket.CMSG_SPACE(3 * array.array("i").itemsize)  # for the files that come with it


def main() -> None:
    """Serve the socket at standard input until the monitor closes its end, or dies."""
    line = socket.socket(fileno=fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3))
    messages = fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    _ignore_nothing()
    be_ordinary()
    gc.disable()
    gc.freeze()
    with contextlib.suppress(ConnectionError):
        line.send(HELLO)
        while _serve(line, messages):
            pass


def _serve(line: socket.socket, messages: int) -> bool:
    """Fork one child; False when nobody asks any more. What all children need is done before the fork."""
    request, attached, _, _ = line.recvmsg(MOST, _ROOM, socket.MSG_CMSG_CLOEXEC)
    files = array.array("i")
    for _, _, data in attached:
        files.frombytes(data)
    if not request:
        return False
    output, report, *folder = files
    child = Child.unpack(request)
    image = Image(child)
    os.umask(child.umask)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        pid = clone(folder[0] if folder else None, beside=True)
    except OSError as exc:
        line.send(ANSWER.pack(0, exc.errno or 0))
    else:
        if pid == 0:
            become(child, image, report)
        line.send(ANSWER.pack(pid, 0))
    os.dup2(messages, 1)
    os.dup2(messages, 2)
    for file in files:
        os.close(file)
    return True


def _ignore_nothing() -> None:
    """Give signals their default dispositions, which children inherit; Python ignores some at its start."""
    with open("/proc/self/status", "rb") as status:  # noqa: PTH123 - pathlib would cost memory
        masks = [int(line.split()[1], 16) for line in status if line.startswith((b"SigIgn", b"SigCgt"))]
    for mask in masks:
        for number in numbers(mask):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
