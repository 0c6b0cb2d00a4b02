"""One command line at work: the cluster it talks to, what it was told, and where its results go."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from clusteradmin.cli import terminal
from clusteradmin.cli.describe import columns_of, document, row
from clusteradmin.cli.grammar import CommandLine, UsageError
from clusteradmin.cli.output import Output
from clusteradmin.client import commands
from clusteradmin.client.cluster import Cluster
from clusteradmin.client.whatif import foresee
from nodeagent.api.objects import ClusterObject, Group, Node, NodeId, ObjectKind, Resource, Snapshot
from nodeagent.api.problems import ClusterError, refuse
from nodeagent.api.requests import Done, Request
from nodeagent.api.texts import sentence

_UNKNOWN = {
    ObjectKind.GROUP: "group_unknown",
    ObjectKind.RESOURCE: "resource_unknown",
    ObjectKind.NODE: "node_unknown",
    ObjectKind.RESOURCE_TYPE: "type_unknown",
    ObjectKind.NETWORK: "network_unknown",
}


@dataclass
class Session:
    """What the verbs work with."""

    cluster: Cluster
    line: CommandLine
    output: Output

    @property
    def snapshot(self) -> Snapshot:
        """The cluster as it is now."""
        assert self.cluster.snapshot is not None  # the session begins when it is there
        return self.cluster.snapshot

    @property
    def whatif(self) -> bool:
        """Whether nothing is to be done."""
        return self.line.has("whatif")

    @property
    def note(self) -> str:
        """The reason that the person gave."""
        option = self.line.get("note")
        return (option.value or "") if option else ""

    # --- finding ------------------------------------------------------------------------------------------------

    def name(self) -> str:
        """Return the name on the line.

        Raises:
            UsageError: there is none.
        """
        if self.line.name is None:
            raise UsageError(f"A name is missing: clusteradmin {self.line.object.name} {self.line.object.argument} ...")
        return self.line.name

    def find(self, kind: ObjectKind, name: str) -> ClusterObject:
        """Return the object of that name (or id).

        Raises:
            ClusterError: there is none.
        """
        found = self.snapshot.find(kind, name)
        if found is None:
            words = kind.value.replace("_", " ")
            raise refuse(_UNKNOWN.get(kind, "object_unknown"), id=name, name=name, kind=words)
        return found

    def group(self, name: str) -> Group:
        """Return the group of that name. Raises ClusterError."""
        found = self.find(ObjectKind.GROUP, name)
        assert isinstance(found, Group)
        return found

    def resource(self, name: str) -> Resource:
        """Return the resource of that name. Raises ClusterError."""
        found = self.find(ObjectKind.RESOURCE, name)
        assert isinstance(found, Resource)
        return found

    def node(self, name: str) -> Node:
        """Return the node of that name. Raises ClusterError."""
        found = self.find(ObjectKind.NODE, name)
        assert isinstance(found, Node)
        return found

    def nodes(self, names: str) -> tuple[NodeId, ...]:
        """Return the nodes of "NODE1,NODE2"; an empty text is none. Raises ClusterError."""
        return tuple(self.node(name.strip()).id for name in names.split(",") if name.strip())

    # --- doing --------------------------------------------------------------------------------------------------

    async def do(self, request: Request, doing: Callable[[], Awaitable[Done]] | None = None) -> Done | None:
        """Carry *request* out, or only say what it would do; print what else is worth knowing.

        Args:
            doing: what sends the request and waits; without it the request is sent.

        Raises:
            ClusterError: the refusal, which with --whatif is only foreseen.
        """
        if self.whatif:
            foreseen = foresee(request, self.snapshot, self.cluster.right)
            if foreseen.problem is not None:
                raise ClusterError(foreseen.problem)
            for effect in foreseen.effects:
                self.output.say(effect)
            self.output.document({"whatif": list(foreseen.effects)})
            return None
        done = await (doing() if doing else commands.send(self.cluster, request))
        for notice in done.notices:
            self.output.complain(sentence(notice))
        return done

    async def meant(self, question: str, *, needs_yes: bool = False) -> None:
        """Ask whether it is meant, when somebody is there to ask and --yes was not given.

        Args:
            needs_yes: without a terminal it is refused unless --yes was given.

        Raises:
            UsageError: it was not meant, or cannot be asked.
        """
        if self.line.has("yes") or self.whatif:
            return
        if not sys.stdin.isatty() or self.output.as_json:
            if needs_yes:
                raise UsageError(f"{question} Add --yes if that is meant.")
            return
        answer = await terminal.ask(f"{question} [y/N] ")
        if answer.strip().casefold() not in ("y", "yes"):
            raise UsageError("Nothing was done.")

    # --- showing ------------------------------------------------------------------------------------------------

    def show(self, items: Sequence[ClusterObject], kind: type[ClusterObject], *, one: bool = False) -> None:
        """Print a table of objects; in JSON *one* is the object itself and not a list."""
        documents = [document(item, self.snapshot) for item in items]
        rows = [row(item, self.snapshot) for item in items]
        self.output.table(columns_of(kind), rows, documents[0] if one else documents)
