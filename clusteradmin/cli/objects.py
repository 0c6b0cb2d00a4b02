"""The objects of the command line and their options: what the grammar reads by, and what the help prints."""

from __future__ import annotations

import dataclasses
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
_MAINTENANCE = (
    OptionSpec(
        "maintenance",
        "maint",
        "for so long (30m, 2h, 1d) or until then (17:30) nothing is restarted or taken over by itself",
        Takes.VALUE,
        "DURATION",
    ),
    OptionSpec("endmaintenance", "endm", "end maintenance now; what failed meanwhile is acted upon"),
)
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
        *_MAINTENANCE,
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

_FENCE: Final = (
    OptionSpec("listfence", "listf", "list its fence devices, in the order in which they are asked"),
    OptionSpec(
        "addfence",
        "addf",
        "add a fence device: PROGRAM NAME=VALUE ...; what stands without value is asked for",
        Takes.PAIRS,
    ),
    OptionSpec("setfence", "setf", "the same, in place of what it had; a secret without value is kept", Takes.PAIRS),
    OptionSpec("clearfence", "clearf", "let it have no fence device"),
    OptionSpec("checkfence", "checkf", "have all nodes ask its fence devices whether they work"),
    OptionSpec("fencehelp", "fenceh", "list the options of a fence program", Takes.VALUE, "PROGRAM"),
    OptionSpec("timelimit", "timel", "of --addfence and --setfence", Takes.VALUE, "SECONDS", verb=False),
)

NODE: Final = ObjectSpec(
    "node",
    (),
    "the members of the cluster",
    (
        _STATUS,
        OptionSpec("pause", "pause", "let it keep its groups and take no new ones", needs_name=False),
        OptionSpec("drain", "drain", "of --pause: move its groups away; Ctrl-C leaves that going", verb=False),
        OptionSpec("canceldrain", "cancel", "move no further group away; it stays paused", needs_name=False),
        OptionSpec(
            "resume",
            "resume",
            "end a pause; with :failback the groups that it was drained of come back",
            Takes.MAYBE,
            "failback",
            needs_name=False,
        ),
        OptionSpec(
            "stop",
            "stop",
            "move its groups away, or offline, and leave the cluster; it stays out until --start",
            Takes.MAYBE,
            "SECONDS",
            needs_name=False,
            aliases=("leave",),
        ),
        OptionSpec(
            "start",
            "start",
            "let it join again after --stop",
            Takes.MAYBE,
            "SECONDS",
            needs_name=False,
            aliases=("join",),
        ),
        OptionSpec(
            "restart",
            "restart",
            "let its agent begin anew from what is installed; no application is touched",
            Takes.MAYBE,
            "SECONDS",
            needs_name=False,
        ),
        OptionSpec(
            "declareoff", "declareoff", "say that it is off, when nothing is heard of it: its groups are taken over"
        ),
        *_FENCE,
        OptionSpec("evict", "evict", "remove it; it must be down and own nothing. See cluster --admit"),
        *_MAINTENANCE,
        _LIST_INTERFACES,
        _PROP,
        _PRIV,
        _WAIT,
        _NOTE,
        *_ANYWHERE,
    ),
    "status",
    (
        "clusteradmin node",
        "clusteradmin node NODE1 --pause --drain --wait",
        "clusteradmin node NODE1 --resume:failback",
        "clusteradmin node NODE2 --addfence fence_ipmilan ip=10.0.9.2 username=admin password",
        'clusteradmin node NODE2 --declareoff --note:"I pulled both plugs"',
        'clusteradmin node NODE1 --maintenance:2h --note:"new memory"',
        "clusteradmin node NODE1 --prop Description=left",
    ),
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
    (
        _STATUS,
        _RENAME,
        OptionSpec("setrole", "setr", "say what it is for: none, internal, client or all", Takes.VALUE, "ROLE"),
        _LIST_INTERFACES,
        _PROP,
        _PRIV,
        *_ANYWHERE,
    ),
    "status",
    (
        "clusteradmin network",
        "clusteradmin network 10.0.0.0/24 --rename:Public",
        "clusteradmin network Public --setrole:client",
    ),
)

INTERFACE: Final = ObjectSpec(
    "netinterface",
    ("netint",),
    "the nodes' network interfaces",
    (
        _STATUS,
        OptionSpec("node", "node", "only those of this node", Takes.VALUE, "NODE", verb=False),
        OptionSpec("network", "net", "only those on this network", Takes.VALUE, "NETWORK", verb=False),
        OptionSpec("properties", "prop", "show or set common properties", Takes.PAIRS, needs_name=False),
        OptionSpec("privproperties", "priv", "show or set private properties", Takes.PAIRS, needs_name=False),
        *_ANYWHERE,
    ),
    "status",
    (
        "clusteradmin netinterface",
        "clusteradmin netint --node:NODE1",
        "clusteradmin netint --node:NODE1 --network:Public --prop Description=left",
    ),
)

CLUSTER: Final = ObjectSpec(
    "cluster",
    (),
    "the cluster itself",
    (
        OptionSpec("status", "stat", "show what it is and who is connected", needs_name=False),
        OptionSpec("version", "ver", "show the versions of the cluster's software", needs_name=False),
        OptionSpec("list", "list", "list the saved connections", needs_name=False),
        OptionSpec("quorum", "quorum", "show the voters, and what the loss of one more would mean", needs_name=False),
        OptionSpec(
            "restartagents",
            "restartagents",
            "let all agents begin anew, one after the other; no application is touched",
            needs_name=False,
        ),
        OptionSpec(
            "takeover",
            "takeover",
            "when the brake is held: declare the silent nodes down and take their groups over now",
            needs_name=False,
        ),
        OptionSpec("admit", "admit", "let a node that was evicted join again", Takes.VALUE, "NODE", needs_name=False),
        *(dataclasses.replace(option, needs_name=False) for option in _MAINTENANCE),
        _NOTE,
        OptionSpec("rename", "ren", "give it another name", Takes.VALUE, "NEW NAME", needs_name=False),
        OptionSpec("properties", "prop", "show or set its properties", Takes.PAIRS, needs_name=False),
        OptionSpec("privproperties", "priv", "show private properties", Takes.PAIRS, needs_name=False),
        *_ANYWHERE,
    ),
    "status",
    (
        "clusteradmin cluster",
        "clusteradmin cluster --prop Profile=fast",
        "clusteradmin cluster --quorum",
        'clusteradmin cluster --maintenance:30m --note:"switches are replaced"',
        "clusteradmin cluster --list",
    ),
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
