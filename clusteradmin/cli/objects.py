"""The objects of the command line and their options: what the grammar reads by, and what the help prints."""

from __future__ import annotations

from typing import Final

from clusteradmin.cli.grammar import ObjectSpec, OptionSpec, Takes

_WAIT = OptionSpec(
    "wait",
    "wait",
    "wait for the state that the verb leads to; without a number, as long as it takes",
    Takes.MAYBE,
    "SECONDS",
    verb=False,
)
_NOTE = OptionSpec("note", "note", "why you do it; kept in the event log", Takes.VALUE, "TEXT", verb=False)
_ANYWHERE = (
    OptionSpec("json", "json", "print JSON", verb=False),
    OptionSpec("yes", "yes", "do not ask whether it is meant", verb=False),
    OptionSpec("whatif", "whatif", "say what would happen, and do nothing", verb=False),
    OptionSpec("help", "help", "this text", verb=False, aliases=("?",)),
)
_STATUS = OptionSpec("status", "stat", "show state and owner; without a name, of all", needs_name=False)
_PROP = OptionSpec("properties", "prop", "show or set common properties", Takes.PAIRS)
_PRIV = OptionSpec("privproperties", "priv", "show or set private properties", Takes.PAIRS)
_DELETE = OptionSpec("delete", "del", "delete it")
_RENAME = OptionSpec("rename", "ren", "give it another name", Takes.VALUE, "NEW NAME")
_LIST_OWNERS = OptionSpec("listowners", "listo", "list the nodes that may own it")
_LIST_INTERFACES = OptionSpec("listinterfaces", "listint", "list its network interfaces")
_FOLLOW = OptionSpec("follow", "fol", "go on until Ctrl-C", verb=False)

GROUP: Final = ObjectSpec(
    "group",
    (),
    "groups of resources, which move together",
    (
        _STATUS,
        OptionSpec("node", "node", "of --status: only the groups on this node", Takes.VALUE, "NODE", verb=False),
        OptionSpec("create", "cre", "create an empty group"),
        _DELETE,
        _RENAME,
        OptionSpec("online", "on", "bring it online, on NODE when given", Takes.MAYBE, "NODE"),
        OptionSpec("offline", "off", "take it offline; with a number, wait so many seconds", Takes.MAYBE, "SECONDS"),
        OptionSpec("moveto", "move", "move it to NODE, or to the best possible one", Takes.MAYBE, "NODE"),
        OptionSpec("why", "why", "say why it is where it is, and why on no other node"),
        _PROP,
        _PRIV,
        _LIST_OWNERS,
        OptionSpec("setowners", "seto", "set the preferred owners, in order", Takes.VALUE, "NODE,NODE"),
        _WAIT,
        _NOTE,
        *_ANYWHERE,
    ),
    "status",
    (
        "clusteradmin group",
        'clusteradmin group "High Availability Notepad" --moveto:NODE2 --wait:20',
        "clusteradmin group Web --create --prop FailoverThreshold=5 AutoFailbackType=1",
        "clusteradmin group Web --moveto --whatif",
    ),
)

RESOURCE: Final = ObjectSpec(
    "resource",
    ("res",),
    "resources: what is brought online and taken offline",
    (
        _STATUS,
        OptionSpec("create", "cre", "create it, offline: --create --group:G --type:T [--separate]"),
        OptionSpec("group", "group", "of --create: the group it is in", Takes.VALUE, "GROUP", verb=False),
        OptionSpec("type", "type", "of --create: its resource type", Takes.VALUE, "TYPE", verb=False),
        OptionSpec("separate", "sep", "of --create: run it in a Resource Monitor of its own", verb=False),
        _DELETE,
        _RENAME,
        OptionSpec("online", "on", "bring it online; with a number, wait so many seconds", Takes.MAYBE, "SECONDS"),
        OptionSpec("offline", "off", "take it offline; with a number, wait so many seconds", Takes.MAYBE, "SECONDS"),
        OptionSpec("fail", "fail", "treat it as failed and let its policy act"),
        OptionSpec("moveto", "move", "move it, with all that is tied to it, to another group", Takes.VALUE, "GROUP"),
        _PROP,
        _PRIV,
        OptionSpec("addowner", "addo", "add a possible owner", Takes.VALUE, "NODE"),
        OptionSpec("removeowner", "removeo", "remove a possible owner", Takes.VALUE, "NODE"),
        _LIST_OWNERS,
        OptionSpec("setowners", "seto", "set the possible owners; * is every node", Takes.VALUE, "NODE,NODE"),
        OptionSpec("listdependencies", "listdep", "list what it depends on"),
        OptionSpec("adddependency", "adddep", "let it depend on another one", Takes.VALUE, "RESOURCE"),
        OptionSpec("removedependency", "removedep", "end a dependency", Takes.VALUE, "RESOURCE"),
        _WAIT,
        _NOTE,
        *_ANYWHERE,
    ),
    "status",
    (
        "clusteradmin resource Notepad --online:10",
        'clusteradmin resource Notepad --create --group:Web --type:"Generic Application"',
        "clusteradmin resource Notepad --priv CommandLine=/usr/bin/xedit CurrentDirectory=/",
        "clusteradmin resource Notepad --prop RestartThreshold=3",
        "clusteradmin resource Notepad --offline --wait --json",
    ),
)

NODE: Final = ObjectSpec(
    "node",
    (),
    "the members of the cluster",
    (
        _STATUS,
        OptionSpec("pause", "pause", "let it keep its groups and take no new ones", needs_name=False),
        OptionSpec("resume", "resume", "end a pause", needs_name=False),
        _LIST_INTERFACES,
        _PROP,
        _PRIV,
        _WAIT,
        *_ANYWHERE,
    ),
    "status",
    ("clusteradmin node", "clusteradmin node NODE1 --pause", "clusteradmin node NODE1 --prop Description=left"),
)

RESOURCE_TYPE: Final = ObjectSpec(
    "resourcetype",
    ("restype",),
    "kinds of resources",
    (
        OptionSpec("list", "list", "list the types, or one with the properties of its resources", needs_name=False),
        OptionSpec("status", "stat", "the same", needs_name=False),
        _LIST_OWNERS,
        _PROP,
        OptionSpec("privproperties", "priv", "show the private properties that its resources have"),
        *_ANYWHERE,
    ),
    "list",
    (
        "clusteradmin restype",
        'clusteradmin restype "Generic Application" --priv',
        'clusteradmin restype "Generic Application" --prop IsAlivePollInterval=30000',
    ),
)

NETWORK: Final = ObjectSpec(
    "network",
    ("net",),
    "subnets that the nodes share",
    (_STATUS, _RENAME, _LIST_INTERFACES, _PROP, _PRIV, *_ANYWHERE),
    "status",
    ("clusteradmin network", "clusteradmin network 10.0.0.0/24 --rename:Public"),
)

INTERFACE: Final = ObjectSpec(
    "netinterface",
    ("netint",),
    "the nodes' network interfaces",
    (
        _STATUS,
        OptionSpec("node", "node", "only those of this node", Takes.VALUE, "NODE", verb=False),
        OptionSpec("network", "net", "only those on this network", Takes.VALUE, "NETWORK", verb=False),
        _PROP,
        _PRIV,
        *_ANYWHERE,
    ),
    "status",
    ("clusteradmin netinterface", "clusteradmin netint --node:NODE1"),
)

CLUSTER: Final = ObjectSpec(
    "cluster",
    (),
    "the cluster itself",
    (
        OptionSpec("status", "stat", "show what it is and who is connected", needs_name=False),
        OptionSpec("version", "ver", "show the versions of the cluster's software", needs_name=False),
        OptionSpec("list", "list", "list the saved connections", needs_name=False),
        OptionSpec("rename", "ren", "give it another name", Takes.VALUE, "NEW NAME", needs_name=False),
        OptionSpec("properties", "prop", "show or set its properties", Takes.PAIRS, needs_name=False),
        OptionSpec("privproperties", "priv", "show private properties", Takes.PAIRS, needs_name=False),
        *_ANYWHERE,
    ),
    "status",
    ("clusteradmin cluster", "clusteradmin cluster --prop Profile=fast", "clusteradmin cluster --list"),
    argument="",
)

EVENTS: Final = ObjectSpec(
    "events",
    (),
    "the cluster's event log",
    (
        OptionSpec("list", "list", "show the last events", needs_name=False),
        _FOLLOW,
        OptionSpec("last", "last", "how many of the past to begin with", Takes.VALUE, "NUMBER", verb=False),
        *_ANYWHERE,
    ),
    "list",
    ("clusteradmin events --last:20", "clusteradmin events --follow --json"),
    argument="",
)

LOG: Final = ObjectSpec(
    "log",
    (),
    "what a resource's application writes",
    (OptionSpec("show", "show", "show the end of its output"), _FOLLOW, *_ANYWHERE),
    "show",
    ("clusteradmin log Notepad", "clusteradmin log Notepad --follow"),
    argument="RESOURCE",
)

OBJECTS: Final = (CLUSTER, NODE, GROUP, RESOURCE, RESOURCE_TYPE, NETWORK, INTERFACE, EVENTS, LOG)
