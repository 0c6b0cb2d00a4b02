"""Details of a state or a failure, in the same form as sentences: said beside it, and within other sentences."""

from __future__ import annotations

from typing import Final

DETAILS: Final[dict[str, str]] = {
    "exited": "the process ended by itself with exit code {status}",
    "killed": "the process was ended by signal {signal}",
    "vanished": "the process has ended; its exit code is not known",
    "not_alive": "the check IsAlive says it is not working",
    "pending_timeout": "no progress within {seconds} s",
    "initiated": "failure initiated",
    "monitor_lost": "its Resource Monitor died",
    "stopped_at_deadline": "stopped because the node's heartbeat was not confirmed in time",
    "waits_for": "waits for {provider}",
    "provider_failed": "{provider}, which it needs, has failed",
    "running": "process {process}",
    "running_again": "process {process}; before that, {detail}",
    "progress": "{text}",
    "address_unguarded": (
        "without nftables ({detail}) the address {address} may answer up to 3.5 s longer when this node hangs"
    ),
    "not_killable": "a process of {name} does not end even when killed; it waits for a device or file server",
    "call_failed": "its entry point {entry} failed: {detail}",
    "call_died": "its entry point {entry} ended without a result",
    "epoch_closed": "the group had already been given away",
    "watchdog_unusable": "its watchdog {path} cannot be used: {detail}",
    "watchdog_too_slow": "its watchdog {path} fires after {seconds} s, and with these times it must within {most} s",
    "unguarded_alone": "it is the only node",
    "unguarded_two_voters": (
        "the cluster database has two voters, and without both of them nobody can take anything over; add a third one"
    ),
    "unguarded_only_owner": "no other node may own any of the groups",
    "monitor_cannot_start": "no Resource Monitor can be started there: {detail}",
    "owner_lost": "its owner {node} is down; its state is known again when another node has taken the group over",
    "node_never_joined": "it has not joined yet",
    "node_left": "its Cluster Service was stopped",
    "node_silent": "declared down after {seconds} s of silence",
    "node_fenced": "declared down after the fence device had turned it off",
    "node_down_by_word": "declared down by a person",
    "node_restarted": "it was started anew",
    "node_dead": "declared down",
    "node_stopped": "its Cluster Service was stopped by {user}",
    "renewal_busy": "something of {names} was on its way all the time",
    "renewal_failed": "what is installed does not start: {detail}",
    "renewal_silent": "it did not answer",
    "monitors_renewed": "its Resource Monitors have done so, and what they hold runs on",
    "monitors_kept": "not all Resource Monitors could, and go on as they were ({detail})",
    "node_draining": "groups are moved away from it until it is resumed",
    "in_maintenance": "in maintenance until {until}",
    "in_maintenance_why": "in maintenance until {until}: {reason}",
    "failed_meanwhile": "{detail}; nothing is done about it during maintenance",
    "node_not_heard": "nothing is heard of it",
    "node_unclean": "something exclusive could not be proven stopped there",
}

LIFE_ENDS: Final = frozenset({"exited", "killed", "vanished", "not_alive"})
"""Details that say how the last life of an application ended: of one that is online, the life before."""

WEAKNESSES: Final = frozenset({"address_unguarded"})
"""Details that say what is less safe on a node than it should be, of a resource that is online."""
