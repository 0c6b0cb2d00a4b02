"""The General pages: name, description, owners, and what can only be read."""

from __future__ import annotations

from clusteradmin.wizards.edits import NAME, POSSIBLE_OWNERS, PREFERRED_OWNERS, Key, can_rename, prop
from nodeagent.api.commonproperties import COMMON
from nodeagent.api.objects import (
    Cluster,
    Group,
    Interface,
    Network,
    Node,
    Resource,
    ResourceType,
    kind_of,
)
from nodeagent.api.properties import PropertySpec, spec_of
from ui import words
from ui.forms.nodelists import NodeLists
from ui.forms.possibleowners import PossibleOwners
from ui.sheets.draft import Draft
from ui.sheets.page import NAME_SPEC, Page
from ui.sheets.quorum import QuorumPanel
from ui.theme import Space
from ui.widgets import FieldError


class GeneralPage(Page):
    """Name and description; the pages of each kind of object go on from here."""

    def __init__(self, draft: Draft) -> None:
        super().__init__("", draft)
        self.title = self.tr("General")
        if can_rename(kind_of(draft.item)):
            self.add_row(NAME, NAME_SPEC, label=self.tr("Name"))
        else:
            self.add_fact(self.tr("Name"), draft.item.name)
        if draft.reference.kind.value == "resource_type":
            self.add_row(prop("DisplayName"), self.spec("DisplayName"))
        self.add_row(prop("Description"), self.spec("Description"))

    def spec(self, name: str) -> PropertySpec:
        """Return the schema of a common property."""
        return spec_of(COMMON[kind_of(self.draft.item)], name)


class GroupGeneral(GeneralPage):
    """A group's name, description and preferred owners."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(draft)
        self.add_heading(self.tr("Preferred owners"))
        self.owners = NodeLists(self.tr("Available nodes"), self.tr("Preferred owners, best first"), ordered=True)
        self.owners.edited.connect(lambda nodes: draft.put(PREFERRED_OWNERS, nodes))
        self.error = FieldError()
        self.column.addWidget(self.owners, 1)
        self.column.addWidget(self.error)

    def keys(self) -> tuple[Key, ...]:
        return (*self.rows, PREFERRED_OWNERS)

    def follow(self, problems: dict[Key, str]) -> None:
        chosen = self.draft.edits.value(PREFERRED_OWNERS)
        self.owners.show_nodes(chosen or (), self.draft.snapshot, {})  # type: ignore[arg-type]  # node ids
        self.error.show_problem(problems.get(PREFERRED_OWNERS))
        self.owners.setEnabled(not self.draft.forbidden)

    def take_focus(self, key: Key) -> None:
        if key == PREFERRED_OWNERS:
            self.owners.setFocus()
        super().take_focus(key)


class ResourceGeneral(GeneralPage):
    """A resource's name, description, possible owners and Resource Monitor."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(draft)
        assert isinstance(draft.item, Resource)
        self.add_fact(self.tr("Resource type"), draft.item.type)
        self.group = self.add_fact(self.tr("Group"))
        self.process = self.add_fact(self.tr("Process"))
        self.add_heading(self.tr("Possible owners"))
        self.owners = PossibleOwners()
        self.owners.edited.connect(lambda nodes: draft.put(POSSIBLE_OWNERS, nodes))
        self.column.addWidget(self.owners, 1)
        self.add_row(prop("SeparateMonitor"), self.spec("SeparateMonitor"))

    def keys(self) -> tuple[Key, ...]:
        return (*self.rows, POSSIBLE_OWNERS)

    def follow(self, problems: dict[Key, str]) -> None:
        item, cluster = self.draft.item, self.draft.snapshot
        assert isinstance(item, Resource)
        group = cluster.groups.get(item.group)
        self.group.show_value(group.name if group else "")
        none = self.tr("none runs")
        monitor = self.tr("{0}, held by the Resource Monitor {1}").format(item.process_id, item.monitor_process_id)
        self.process.show_value(monitor if item.process_id else none)
        chosen = self.draft.edits.value(POSSIBLE_OWNERS)
        self.owners.show_owners(chosen, item.type, cluster, item.name)  # type: ignore[arg-type]  # node ids or None
        self.owners.show_problem(problems.get(POSSIBLE_OWNERS, ""))
        self.owners.setEnabled(not self.draft.forbidden)

    def take_focus(self, key: Key) -> None:
        if key == POSSIBLE_OWNERS:
            self.owners.setFocus()
        super().take_focus(key)


class NodeGeneral(GeneralPage):
    """A node: its description, and what it says of itself."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(draft)
        self.add_heading(self.tr("The node says"))
        self.facts = {name: self.add_fact(label) for name, label in self._labels()}
        self.add_heading(self.tr("Its SSH server"))
        self.endpoints = self.add_fact(self.tr("Addresses"))
        self.keys_shown = self.add_fact(self.tr("Host keys"))
        self.add_heading(self.tr("Network interfaces"))
        self.cards = self.add_fact(self.tr("Addresses"))
        self.column.addStretch(1)

    def _labels(self) -> list[tuple[str, str]]:
        item = self.draft.item
        assert isinstance(item, Node)
        return [
            ("id", self.tr("Number")),
            ("version", self.tr("Version")),
            ("incarnation", self.tr("Incarnation")),
            ("groups", self.tr("Owns")),
            *((f"fact {name}", self._fact_label(name)) for name in item.facts),
        ]

    def _fact_label(self, name: str) -> str:
        known = {
            "os": self.tr("Operating system"),
            "cpus": self.tr("Processors"),
            "memory": self.tr("Memory"),
            "kernel": self.tr("Kernel"),
            "architecture": self.tr("Architecture"),
        }
        return known.get(name, name.replace("_", " ").capitalize())

    def follow(self, problems: dict[Key, str]) -> None:
        node, cluster = self.draft.item, self.draft.snapshot
        assert isinstance(node, Node)
        owned = sorted(group.name for group in cluster.groups.values() if group.owner == node.id)
        values = {
            "id": str(node.id),
            "version": node.version or self.tr("not known"),
            "incarnation": str(node.incarnation),
            "groups": words.listed(owned, 6) or self.tr("no groups"),
            **{f"fact {name}": words.fact_text(name, value) for name, value in node.facts.items()},
        }
        for name, row in self.facts.items():
            row.show_value(values.get(name, ""))
        self.endpoints.show_value(
            ", ".join(f"{one.host}:{one.port}" for one in node.endpoints) or self.tr("not reported")
        )
        kinds = dict.fromkeys(key.split(" ", 1)[0] for one in node.endpoints for key in one.host_keys)
        self.keys_shown.show_value(", ".join(kinds) or self.tr("not reported"))
        cards = [card for card in cluster.interfaces.values() if card.node == node.id]
        self.cards.show_value(
            ", ".join(f"{card.address} ({card.adapter}, {words.state_word(card.state)})" for card in cards)
            or self.tr("not reported")
        )


class TypeGeneral(GeneralPage):
    """A resource type: how it is called, how often its resources are looked at, where it is installed."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(draft)
        item = draft.item
        assert isinstance(item, ResourceType)
        self.add_heading(self.tr("Poll intervals of its resources, unless they have their own"))
        for name in ("LooksAlivePollInterval", "IsAlivePollInterval"):
            self.add_row(prop(name), self.spec(name))
        self.add_heading(self.tr("The type"))
        self.owners = self.add_fact(self.tr("Possible owners"))
        needs = ", ".join(item.required_dependencies) or self.tr("none")
        self.add_fact(self.tr("Required dependencies"), needs)
        one, many = self.tr("one node at a time"), self.tr("several nodes at once")
        self.add_fact(self.tr("May be online on"), one if item.exclusive else many)
        self.column.addStretch(1)

    def follow(self, problems: dict[Key, str]) -> None:
        item, cluster = self.draft.item, self.draft.snapshot
        assert isinstance(item, ResourceType)
        missing = [node.name for number, node in sorted(cluster.nodes.items()) if number not in item.possible_owners]
        having = [cluster.node_name(number) for number in item.possible_owners]
        if not missing:
            self.owners.show_value(self.tr("every node"))
        else:
            text = self.tr("{0}. Not installed on {1}.")
            self.owners.show_value(text.format(words.listed(having, 8) or self.tr("none"), words.listed(missing, 8)))


class ClusterGeneral(GeneralPage):
    """The cluster: name, description, database, who plans."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(draft)
        self.add_heading(self.tr("The cluster says"))
        self.nodes = self.add_fact(self.tr("Nodes"))
        self.leader = self.add_fact(self.tr("Plans now"))
        self.database = self.add_fact(self.tr("Cluster database"))
        self.identity = self.add_fact(self.tr("Identity"))
        self.column.addSpacing(Space.SMALL)
        self.quorum = QuorumPanel(draft.cluster)
        self.column.addWidget(self.quorum)
        self.column.addStretch(1)

    def follow(self, problems: dict[Key, str]) -> None:
        item, cluster = self.draft.item, self.draft.snapshot
        assert isinstance(item, Cluster)
        self.nodes.show_value(words.listed(sorted(node.name for node in cluster.nodes.values()), 8))
        self.leader.show_value(cluster.node_name(item.leader or None) or self.tr("nobody"))
        backend = item.backend or self.tr("not known")
        self.database.show_value(self.tr("{0}, revision {1}").format(backend, cluster.revision))
        self.identity.show_value(item.id)


class NetworkGeneral(GeneralPage):
    """A network: name, description, what it carries."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(draft)
        item = draft.item
        assert isinstance(item, Network)
        self.add_heading(self.tr("The network"))
        self.add_row(prop("Role"), self.spec("Role"))
        self.add_fact(self.tr("Address"), item.address)
        self.add_fact(self.tr("Subnet mask"), item.mask)
        self.cards = self.add_fact(self.tr("Interfaces"))
        self.column.addStretch(1)

    def follow(self, problems: dict[Key, str]) -> None:
        cluster = self.draft.snapshot
        cards = [card for card in cluster.interfaces.values() if card.network == self.draft.reference.id]
        self.cards.show_value(", ".join(f"{cluster.node_name(card.node)} {card.address}" for card in cards))


class InterfaceGeneral(GeneralPage):
    """A network interface: description, and where it is."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(draft)
        item, cluster = draft.item, draft.snapshot
        assert isinstance(item, Interface)
        network = cluster.networks.get(item.network)
        self.add_heading(self.tr("The interface"))
        self.add_fact(self.tr("Node"), cluster.node_name(item.node))
        self.add_fact(self.tr("Network"), network.name if network else item.network)
        self.add_fact(self.tr("Adapter"), item.adapter)
        self.add_fact(self.tr("Address"), item.address)
        self.column.addStretch(1)


def general_page(draft: Draft) -> GeneralPage:
    """Return the General page of the object."""
    match draft.item:
        case Group():
            return GroupGeneral(draft)
        case Resource():
            return ResourceGeneral(draft)
        case Node():
            return NodeGeneral(draft)
        case ResourceType():
            return TypeGeneral(draft)
        case Cluster():
            return ClusterGeneral(draft)
        case Network():
            return NetworkGeneral(draft)
    return InterfaceGeneral(draft)
