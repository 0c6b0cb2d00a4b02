"""clusteragent: run | relay | monitor | reap | status | accept-database; the node's side of the product."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
from pathlib import Path

from nodeagent import settings
from nodeagent.api.problems import ClusterError


def main(argv: list[str] | None = None) -> int:
    """Run one of the commands; returns its exit code."""
    parser = argparse.ArgumentParser(prog="clusteragent", description="The agent of a cluster's node.")
    parser.add_argument("command", choices=tuple(_COMMANDS))
    parser.add_argument("--config", type=Path, default=settings.DEFAULT_CONFIG, help="settings file")
    parser.add_argument("--name", default="", help="monitor, reap: which Resource Monitor")
    parser.add_argument("--trial", action="store_true", help="monitor: only say whether it would start")
    parser.add_argument("--all", action="store_true", help="reap: the Resource Monitors too")
    parser.add_argument("--verbose", action="store_true", help="run: say more")
    arguments = parser.parse_args(argv)
    try:
        return _COMMANDS[arguments.command](arguments)
    except ClusterError as exc:
        print(exc, file=sys.stderr)
        return 78 if exc.problem.code.startswith("config") else 1  # EX_CONFIG


def _run(arguments: argparse.Namespace) -> int:
    from nodeagent.service.service import AlreadyRunning, ClusterService  # noqa: PLC0415 - relay is small

    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    config = settings.load(arguments.config)

    async def serve() -> bool:
        service = ClusterService(config, arguments.config.absolute())
        await service.run()
        return service.restart

    try:
        if asyncio.run(serve()):  # the same process goes on with what is installed now
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - that is the point
    except AlreadyRunning:
        print(f"The Cluster Service of {config.name} is already running.", file=sys.stderr)
        return 1
    return 0


def _relay(arguments: argparse.Namespace) -> int:
    from nodeagent.relay import relay  # noqa: PLC0415

    try:
        return relay(settings.load(arguments.config).socket_path)
    except ClusterError as exc:
        if exc.problem.code != "config_missing":
            raise
    # No file, or one that this user may not read: who logs on over SSH need not be an administrator.
    return relay(Path(os.environ.get(settings.SOCKET_VARIABLE, settings.DEFAULT_SOCKET)))


def _monitor(arguments: argparse.Namespace) -> int:
    from nodeagent.monitor.__main__ import main as run_monitor  # noqa: PLC0415

    trial = ["--trial"] if arguments.trial else []
    return run_monitor(["--config", str(arguments.config), "--name", arguments.name or "shared", *trial])


def _reap(arguments: argparse.Namespace) -> int:
    from nodeagent.monitor.reaping import reap, reap_after  # noqa: PLC0415
    from nodeagent.monitor.resetting import reset_if_overdue  # noqa: PLC0415
    from nodeagent.system.clock import SystemClock  # noqa: PLC0415

    config = settings.load(arguments.config)
    if reap_after(config, arguments.name) if arguments.name else reap(config, monitors=arguments.all):
        return 0
    reset_if_overdue(config, SystemClock())
    print("Something cannot be killed; it waits for a device or file server.", file=sys.stderr)
    return 1


def _accept_database(arguments: argparse.Namespace) -> int:
    from nodeagent.service.restoration import accept_database  # noqa: PLC0415 - relay is small

    config = settings.load(arguments.config)
    accept_database(config)
    print("The cluster database is taken as it is; start the Cluster Service.")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    config = settings.load(arguments.config)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(config.socket_path))
        except OSError:
            print(f"The Cluster Service of {config.name} is not running.")
            return 3  # as `systemctl status` of a unit that does not run
    print(f"The Cluster Service of {config.name} is running.")
    if config.alarm.exists():
        print(config.alarm.read_text(encoding="utf-8").strip())
        return 1
    return 0


_COMMANDS = {
    "run": _run,
    "relay": _relay,
    "monitor": _monitor,
    "reap": _reap,
    "status": _status,
    "accept-database": _accept_database,
}


if __name__ == "__main__":
    sys.exit(main())
