"""A slow wire between a host's card and the switch: every frame comes some time later, each way.

For kernels without netem. Runs in the switch's network namespace until SIGTERM, then puts the direct connection back.
usage: wire.py HOST SECONDS JITTER
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time

_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_TAP, _NO_HEADER = 0x0002, 0x1000


def ip(*words: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *words], check=True)


class Wire:
    """Two TAP devices, one on each side, and the frames between them."""

    def __init__(self, host: str, delay: float, jitter: float) -> None:
        self._host = host
        self._delay, self._jitter = delay, jitter
        self._queue: list[tuple[float, int, int, bytes]] = []  # due, number, to which end, frame
        self._number = 0
        self._last = [0.0, 0.0]
        self._ends: list[int] = []

    def plug_in(self) -> None:
        """Put it between the card and the switch."""
        bridge = f"br-{self._host}"
        ip("link", "add", bridge, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        ip("link", "set", bridge, "up")
        self._ends = [_tap(f"wn-{self._host}", bridge), _tap(f"wf-{self._host}", "br0")]
        ip("link", "set", f"v-{self._host}", "master", bridge)

    def unplug(self) -> None:
        """Put the direct connection back."""
        ip("link", "set", f"v-{self._host}", "master", "br0")
        ip("link", "del", f"br-{self._host}")

    def carry(self) -> None:
        """Take what has come and deliver what is due."""
        wait = max(0.0, self._queue[0][0] - time.monotonic()) if self._queue else None
        for end in select.select(self._ends, [], [], wait)[0]:
            self._take(self._ends.index(end))
        while self._queue and self._queue[0][0] <= time.monotonic():
            _, _, to, frame = heapq.heappop(self._queue)
            with contextlib.suppress(OSError):  # the far end is down or full: frames get lost, as on a wire
                os.write(self._ends[to], frame)

    def _take(self, side: int) -> None:
        with contextlib.suppress(BlockingIOError):
            frame = os.read(self._ends[side], 65536)
            wanted = time.monotonic() + self._delay + random.uniform(-self._jitter, self._jitter)
            self._last[side] = due = max(self._last[side], wanted)  # order is kept
            self._number += 1
            heapq.heappush(self._queue, (due, self._number, 1 - side, frame))


def _tap(name: str, master: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", name.encode(), _TAP | _NO_HEADER))
    ip("link", "set", name, "master", master, "up")
    return device


def main() -> None:
    """Carry frames until asked to end."""
    wire = Wire(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))

    def stop(*_: object) -> None:
        wire.unplug()
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    wire.plug_in()
    while True:
        wire.carry()


if __name__ == "__main__":
    main()
