"""The command line: reads the line, connects, does the verbs, prints, and returns the exit code."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from clusteradmin.cli import configuration, following, groups, helptexts, nodes, resources
from clusteradmin.cli.exits import Exit, exit_code
from clusteradmin.cli.grammar import CommandLine, Option, UsageError, option_word, parse
from clusteradmin.cli.objects import CLUSTER, OBJECTS
from clusteradmin.cli.output import Output, error_line
from clusteradmin.cli.prompter import prompter
from clusteradmin.cli.session import Session
from clusteradmin.client.cluster import Cluster
from clusteradmin.settings import ClientHome, SettingsError
from nodeagent.api.problems import ClusterError
from nodeagent.api.wire import SOFTWARE

INTERRUPTED = 130  # 128 and SIGINT, as shells have it


@dataclass(frozen=True, slots=True)
class _Runner:
    run: Callable[[Session, Option], Awaitable[None]]
    show: Callable[[Session], None]


_RUNNERS = {
    "cluster": _Runner(configuration.run_cluster, configuration.show_cluster),
    "node": _Runner(nodes.run, nodes.show),
    "group": _Runner(groups.run, groups.show),
    "resource": _Runner(resources.run, resources.show),
    "resourcetype": _Runner(configuration.run_type, configuration.show_type),
    "network": _Runner(configuration.run_network, configuration.show_network),
    "netinterface": _Runner(configuration.run_interface, configuration.show_interface),
    "events": _Runner(following.run_events, following.show_nothing),
    "log": _Runner(following.run_log, following.show_nothing),
}
_LISTING = frozenset(
    {"why", "listowners", "listdependencies", "listinterfaces", "version", "quorum"}
    | {"listfence", "checkfence", "fencehelp"}
)


def main(argv: list[str]) -> int:
    """Run the command line *argv*, without the program's name, and return the exit code."""
    if argv[:1] == ["demo"]:
        from clusteradmin import demo  # noqa: PLC0415 - it brings an SSH server and more, which no other verb needs

        return demo.main(argv[1:])
    if _asks_for_help(argv):
        print(helptexts.general())
        return Exit.DONE
    if len(argv) == 1 and argv[0].lower() in ("--version", "/version"):
        print(f"Cluster Administrator {SOFTWARE}")
        return Exit.DONE
    try:
        line = parse(argv, OBJECTS)
        if line.has("help"):
            print(helptexts.of(line.object))
            return Exit.DONE
        return _carry_out(line)
    except UsageError as exc:
        print(exc, file=sys.stderr)
        return Exit.USAGE
    except SettingsError as exc:
        print(exc, file=sys.stderr)
        return Exit.REFUSED


def _asks_for_help(argv: Sequence[str]) -> bool:
    split = option_word(argv[0]) if argv else ("help", None)
    return split is not None and split[0].lower() in ("help", "?") and len(argv) <= 1


def _carry_out(line: CommandLine) -> int:
    output = Output(as_json=line.has("json"))
    try:
        code = asyncio.run(_work(line, output))
        output.out.flush()
    except ClusterError as exc:
        output.finish()
        output.complain(error_line(exc.problem))
        return exit_code(exc)
    except BrokenPipeError:
        # Whoever reads has left: that is no error. What Python still holds back must not be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except KeyboardInterrupt:
        return Exit.DONE if line.has("follow") else INTERRUPTED
    return code


async def _work(line: CommandLine, output: Output) -> int:
    home = ClientHome.default()
    if line.object is CLUSTER and any(verb.name == "list" for verb in line.verbs):
        rows, documents = configuration.saved_table(home.connections())
        output.table(("Name", "Target", "Cluster"), rows, documents)
        output.finish()
        return Exit.DONE
    if line.object is CLUSTER and line.name is not None:
        raise UsageError(f"“{line.name}” is not expected here; write --cluster {line.name} before the object.")
    for option in line.others:
        if option.name == "wait":
            _ = line.seconds  # a wrong number is said before anything is done
    lasting = any(verb.value or verb.name == "restartagents" for verb in line.verbs)
    goes_on = line.has("follow") or line.has("wait") or lasting
    cluster = Cluster(line.target, prompter=prompter(), home=home, reconnect=goes_on)
    await cluster.open()
    try:
        await _verbs(Session(cluster, line, output))
    finally:
        await cluster.close()
    output.finish()
    return Exit.DONE


async def _verbs(session: Session) -> None:
    line, runner = session.line, _RUNNERS[session.line.object.name]
    if not line.verbs:
        await runner.run(session, Option(line.object.default))
        runner.show(session)
        return
    shows = False
    for position, verb in enumerate(line.verbs, 1):
        await runner.run(session, verb)
        shows |= _changes_or_asks(verb)
        if verb.name == "delete":
            return
        if verb.name == "rename" and not session.whatif and line.name is not None:
            session.line = dataclasses.replace(session.line, name=verb.value)
        if verb.name == "create" and session.whatif:
            if position < len(line.verbs):
                session.output.say("What follows needs it to be there, and is not foreseen.")
            return
    if shows and not session.whatif:
        runner.show(session)


def _changes_or_asks(verb: Option) -> bool:
    """Tell whether the object's state is worth printing after *verb*: it was changed, or asked for."""
    if verb.name in ("properties", "privproperties"):
        return any(value is not None for _, value in verb.pairs)
    return verb.name not in _LISTING
