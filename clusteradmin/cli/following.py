"""What goes on and on: the event log, and what an application writes."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterable

from clusteradmin.cli.describe import event_document, event_line
from clusteradmin.cli.grammar import Option, UsageError
from clusteradmin.cli.session import Session
from clusteradmin.client.status import ConnectionState, NotConnected, Update
from nodeagent.api.events import LogEntry
from nodeagent.api.problems import problem


async def run_events(session: Session, verb: Option) -> None:
    """Print the event log and, with --follow, what comes."""
    del verb
    news: asyncio.Queue[Update] = asyncio.Queue()
    stop = session.cluster.listen(news.put_nowait)
    try:
        past = _past(session)
        if not session.line.has("follow"):
            session.output.document([event_document(entry) for entry in past])
            for entry in past:
                session.output.say(event_line(entry))
            return
        known = {entry.sequence for entry in session.cluster.log}  # the next update may bring the newest of them
        _print(session, past)
        lost = False
        while True:
            update = await news.get()
            _print(session, [entry for entry in update.logged if entry.sequence not in known])
            if update.status:
                lost = _say_status(session, lost)
    finally:
        stop()


def _past(session: Session) -> list[LogEntry]:
    entries = list(session.cluster.log)
    option = session.line.get("last")
    if option is None:
        return entries
    if not (option.value or "").isdigit():
        raise UsageError(f"--last:{option.value}: a number of events is wanted.")
    number = int(option.value or "0")
    return entries[-number:] if number else []


def _print(session: Session, entries: Iterable[LogEntry]) -> None:
    for entry in entries:
        if session.output.as_json:
            session.output.line_of_json(event_document(entry))
        else:
            print(event_line(entry), file=session.output.out, flush=True)


def _say_status(session: Session, lost: bool) -> bool:
    """Tell on standard error that news are missing, and that they come again; return whether they are missing.

    Raises:
        NotConnected: only a person could help.
    """
    status = session.cluster.status
    if status.needs_person:
        raise NotConnected(problem("not_connected", detail=status.detail))
    if status.state is ConnectionState.LOST and not lost:
        session.output.complain(f"The connection is lost. {status.detail}")
    if status.state is ConnectionState.LIVE and lost:
        session.output.complain(f"Connected again, to {status.node}.")
    return status.state is ConnectionState.LOST


async def run_log(session: Session, verb: Option) -> None:
    """Print a resource's output and, with --follow, what is added, on whichever node it is."""
    del verb
    resource = session.resource(session.name())
    follow = session.line.has("follow")
    collected: list[str] = []
    async with contextlib.aclosing(session.cluster.output(resource.id, follow=follow)) as stream:
        async for piece in stream:
            if not session.output.as_json:
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
            elif follow:
                session.output.line_of_json({"resource": resource.name, "text": piece.decode(errors="replace")})
            else:
                collected.append(piece.decode(errors="replace"))
    session.output.document({"resource": resource.name, "text": "".join(collected)})


def show_nothing(session: Session) -> None:
    """There is no status to print afterwards."""
    del session
