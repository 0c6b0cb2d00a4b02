"""clusteradmin demo: a cluster of three nodes on this machine, and the commands to a running one."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

_REFUSED, _NOT_THERE = 1, 4


def main(argv: Sequence[str]) -> int:
    """Run a demo, or tell a running one what to do; return the exit code, the same ones as of the command line."""
    from clusteradmin.demo.arguments import parse  # noqa: PLC0415 - the window imports this package for `control` only
    from clusteradmin.demo.output import say  # noqa: PLC0415
    from clusteradmin.demo.problems import DemoError, NoDemoError  # noqa: PLC0415
    from clusteradmin.demo.remote import run_command  # noqa: PLC0415
    from clusteradmin.demo.start import run_demo  # noqa: PLC0415

    try:
        options = parse(argv)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 2
    try:
        if options.status or options.stop or options.power is not None:
            run_command(options)
            return 0
        return run_demo(options, say)
    except DemoError as exc:
        with contextlib.suppress(OSError):
            print(exc, file=sys.stderr)
        return _NOT_THERE if isinstance(exc, NoDemoError) else _REFUSED
    except KeyboardInterrupt:  # asked to end before it had begun
        return 0
