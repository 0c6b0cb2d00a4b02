"""The cluster: opened once, and everything else is reached from it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Coroutine, Iterable, Iterator
from types import TracebackType
from typing import Any, Protocol, TypeVar

from clusteradmin.automation.events import events_of
from clusteradmin.automation.groups import ResourceGroup, ResourceGroups
from clusteradmin.automation.loopthread import LoopThread
from clusteradmin.automation.networks import NetworkInterfaces, Networks
from clusteradmin.automation.nodes import Node, Nodes
from clusteradmin.automation.properties import Properties, Which, unsaved
from clusteradmin.automation.resources import Resources
from clusteradmin.automation.resourcetypes import ResourceTypes
from clusteradmin.automation.version import Version
from clusteradmin.cli.prompter import prompter as usual_prompter
from clusteradmin.client import cluster as connected
from clusteradmin.client import commands
from clusteradmin.client.status import NotConnected
from clusteradmin.settings import ClientHome
from clusteradmin.ssh.credentials import Prompter
from nodeagent.api.events import LogEntry
from nodeagent.api.objects import ClusterObject, ObjectKind, ObjectRef, Snapshot, ref
from nodeagent.api.problems import ClusterError, problem, refuse

T = TypeVar("T")


class Unsaved(Protocol):
    """A collection that keeps what was assigned until it is saved."""

    @property
    def modified(self) -> bool: ...

    @property
    def modified_names(self) -> tuple[str, ...]: ...


class Cluster:
    """A cluster (ProgID MSCluster.Cluster): ``with Cluster().open("") as cluster: ...``.

    Calls block until the cluster has answered. A thread with a loop belongs to each open cluster; `close` ends it.
    """

    def __init__(self, *, prompter: Prompter | None = None, home: ClientHome | None = None) -> None:
        """Prepare; nothing is connected yet.

        Args:
            prompter: who is asked for passwords and unknown hosts; by default the terminal, if there is one.
        """
        self._prompter = prompter
        self._home = home
        self._loop: LoopThread | None = None
        self._client: connected.Cluster | None = None
        self._collections: dict[tuple[ObjectRef, object], Properties] = {}
        self._others: dict[ObjectRef, Unsaved] = {}
        self._lock = threading.Lock()

    # --- opening and closing

    def open(self, target: str = "") -> Cluster:
        """Connect to *target* and return this object; an empty one is the cluster of this machine.

        Args:
            target: a saved connection's name, "" or ".", unix:/path, or [user@]host[:port].

        Raises:
            NotConnected: it cannot be reached.
        """
        self.close()
        loop = LoopThread(f"automation of {target or '.'}")
        try:
            self._client = loop.run(self._open(target))
        except BaseException:
            loop.close()
            raise
        self._loop = loop
        return self

    async def _open(self, target: str) -> connected.Cluster:
        client = connected.Cluster(target, prompter=self._prompter or usual_prompter(), home=self._home)
        await client.open()
        return client

    def close(self) -> None:
        """Leave the cluster; changes that are not saved are dropped with a ResourceWarning.

        Closing twice is not an error.
        """
        loop, client = self._loop, self._client
        self._loop = self._client = None
        if loop is None or client is None:
            return
        sentences = self._unsaved_sentences(client.snapshot)
        self._forget()
        loop.run(client.close())
        loop.close()
        for text in sentences:
            warnings.warn(text, ResourceWarning, stacklevel=2, source=self)

    def _forget(self) -> None:
        self._collections.clear()
        self._others.clear()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close. Without another error, changes that are not saved are one: unsaved_changes."""
        missing = None if error or self._client is None else self._first_unsaved(self._client.snapshot)
        if missing is not None:
            self._forget()
        self.close()
        if missing is not None:
            raise missing

    def __del__(self) -> None:
        if getattr(self, "_loop", None) is not None:
            try:
                self.close()
            finally:
                text = "A cluster was not closed; use it in a with statement."
                warnings.warn(text, ResourceWarning, stacklevel=2, source=self)

    # --- for the other objects

    @property
    def client(self) -> connected.Cluster:
        """The connection below.

        Raises:
            NotConnected: the cluster is not open.
        """
        if self._client is None:
            raise NotConnected(problem("not_connected", detail="open the cluster first."))
        return self._client

    @property
    def snapshot(self) -> Snapshot:
        """The whole cluster as it is now, as one value.

        Raises:
            NotConnected: the cluster is not open.
        """
        snapshot = self.client.snapshot
        assert snapshot is not None  # an open cluster has one
        return snapshot

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of the connection's loop and return its result."""
        if self._loop is None:
            coroutine.close()
            raise NotConnected(problem("not_connected", detail="open the cluster first."))
        return self._loop.run(coroutine)

    def pending(self, coroutine: Coroutine[Any, Any, object]) -> bool:
        """Run a verb that waits; return whether its time limit came first, which is no error in the original."""
        try:
            self.run(coroutine)
        except ClusterError as exc:
            if exc.problem.code != "still_pending":
                raise
            return True
        return False

    def object_of(self, reference: ObjectRef) -> ClusterObject:
        """Return the object as it is now. Raises ClusterError."""
        found = self.snapshot.get(reference)
        if found is None:
            raise refuse("object_unknown", kind=reference.kind.value.replace("_", " "), id=reference.id)
        return found

    def properties_of(self, reference: ObjectRef, which: Which) -> Properties:
        """Return the one collection of that object: what is assigned to it is kept until it is saved or refreshed."""
        with self._lock:
            key = (reference, which)
            if key not in self._collections:
                self._collections[key] = Properties(self, reference, which)
            return self._collections[key]

    def keep(self, reference: ObjectRef, collection: Unsaved) -> None:
        """Remember another collection that has to be saved."""
        self._others[reference] = collection

    def kept(self, reference: ObjectRef) -> Unsaved | None:
        """Return the collection that was remembered for that object."""
        return self._others.get(reference)

    def refuse_unsaved(self, references: Iterable[ObjectRef]) -> None:
        """Refuse to go on with objects that have changes which are not saved.

        Raises:
            ClusterError: unsaved_changes, naming object and properties.
        """
        wanted = set(references)
        for reference, names in self._unsaved():
            if reference in wanted:
                raise ClusterError(unsaved(self.object_of(reference).name, names))

    def _unsaved(self) -> list[tuple[ObjectRef, tuple[str, ...]]]:
        everything = [*((key[0], collection) for key, collection in self._collections.items()), *self._others.items()]
        return [(reference, collection.modified_names) for reference, collection in everything if collection.modified]

    def _first_unsaved(self, snapshot: Snapshot | None) -> ClusterError | None:
        for reference, names in self._unsaved():
            return ClusterError(unsaved(_name(reference, snapshot), names))
        return None

    def _unsaved_sentences(self, snapshot: Snapshot | None) -> list[str]:
        return [str(ClusterError(unsaved(_name(r, snapshot), names))) for r, names in self._unsaved()]

    # --- the cluster itself

    @property
    def reference(self) -> ObjectRef:
        """Kind and id of the cluster itself."""
        return ref(self.snapshot.cluster)

    @property
    def name(self) -> str:
        """The cluster's name; assigning renames it."""
        return self.snapshot.cluster.name

    @name.setter
    def name(self, name: str) -> None:
        self.run(commands.rename(self.client, self.reference, name))

    @property
    def version(self) -> Version:
        """Versions of the software on the nodes."""
        return Version(self.snapshot)

    @property
    def resource_groups(self) -> ResourceGroups:
        """All groups, by name."""
        return ResourceGroups(self)

    @property
    def resources(self) -> Resources:
        """All resources, by name."""
        return Resources(self)

    @property
    def resource_types(self) -> ResourceTypes:
        """All resource types, by name."""
        return ResourceTypes(self)

    @property
    def nodes(self) -> Nodes:
        """All nodes, in the order in which they joined."""
        return Nodes(self)

    @property
    def networks(self) -> Networks:
        """All networks, by name."""
        return Networks(self)

    @property
    def net_interfaces(self) -> NetworkInterfaces:
        """All network interfaces, by node."""
        return NetworkInterfaces(self)

    @property
    def common_properties(self) -> Properties:
        """The cluster's properties, to read and set."""
        return self.properties_of(self.reference, Which.COMMON)

    @property
    def common_ro_properties(self) -> Properties:
        """The cluster's properties, to read."""
        return self.properties_of(self.reference, Which.COMMON_READ_ONLY)

    @property
    def private_properties(self) -> Properties:
        """None: only resources have private properties. It is there for scripts that walk through all collections."""
        return self.properties_of(self.reference, Which.PRIVATE)

    @property
    def private_ro_properties(self) -> Properties:
        """None either."""
        return self.properties_of(self.reference, Which.PRIVATE_READ_ONLY)

    def events(self, timeout: float | None = None) -> Iterator[LogEntry]:
        """Iterate over what is added to the event log from now on.

        Args:
            timeout: seconds without an entry after which it ends; None goes on until it is left or the cluster closed.
        """
        return events_of(self, timeout)

    def node(self, node: Node | str | int) -> Node:
        """Return a node by object, name or number. Raises ClusterError."""
        return node if isinstance(node, Node) else self.nodes.item(node)

    def group(self, group: ResourceGroup | str | int) -> ResourceGroup:
        """Return a group by object, name or number. Raises ClusterError."""
        return group if isinstance(group, ResourceGroup) else self.resource_groups.item(group)

    def __repr__(self) -> str:
        if self._client is None:
            return "<Cluster (not open)>"
        return f"<Cluster {self.name!r} over {self._client.status.node or 'no node'}>"


def _name(reference: ObjectRef, snapshot: Snapshot | None) -> str:
    if reference.kind is ObjectKind.CLUSTER and snapshot is not None:
        return snapshot.cluster.name
    found = snapshot.get(reference) if snapshot is not None else None
    return found.name if found else reference.id
