"""Small programs with which the kernel picks what a socket hears, so that nothing else wakes its process: BPF."""

import ctypes
import socket
import struct
from collections.abc import Sequence

LOAD_HALF, LOAD_WORD, IF_EQUAL, RETURN = 0x28, 0x20, 0x15, 0x06  # linux/filter.h, loads from a fixed place
ALL, NOTHING = 0xFFFFFFFF, 0
MOST = 4096  # steps of a program
_ATTACH_FILTER = 26  # SO_ATTACH_FILTER

Step = tuple[int, int, int, int]  # code, steps to jump over if true, if false, operand


def attach(line: socket.socket, steps: Sequence[Step]) -> None:
    """Put a program in the place of the socket's former one.

    Raises:
        OSError: EINVAL when it has more than `MOST` steps.
    """
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    line.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(steps), ctypes.addressof(program)))
