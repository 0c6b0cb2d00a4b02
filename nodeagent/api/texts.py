"""A code and its parameters become an English sentence; the window translates by the same codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nodeagent.api.causes import Cause
from nodeagent.api.details import DETAILS
from nodeagent.api.problems import Parameter, Problem
from nodeagent.api.properties import number_text

SENTENCES: Final[dict[str, str]] = {
    # names
    "name_empty": "A {kind} needs a name.",
    "name_too_long": "The name has {length} characters; a {kind}'s name may have at most {maximum}.",
    "name_control_characters": "The name contains control characters; a {kind}'s name may not.",
    "name_invisible_characters": "The name contains characters that cannot be seen; a {kind}'s name may not.",
    "name_blanks": "The name begins or ends with a blank; remove it.",
    "name_taken": "This cluster already has a {kind} named {name}; choose another name.",
    # values
    "value_required": "{name} is required; set it to a value.",
    "nothing_chosen": "Choose a {what}.",
    "value_of_wrong_kind": "{name} must be {wanted}.",
    "value_out_of_range": "{name} cannot be {value}; allowed is {range}.",
    "value_too_long": "{name} has {length} characters; at most {maximum} are possible.",
    "value_not_a_choice": "{name} must be one of: {allowed}.",
    "value_does_not_match": "{name} must be {wanted}.",
    "path_not_absolute": "{name} must be an absolute path; write /{path}.",
    "environment_malformed": "{name}: “{line}” is not of the form NAME=value.",
    "command_malformed": "{name} has a quotation mark that is not closed.",
    "control_characters": "{name} contains control characters; remove them.",
    "property_unknown": "There is no property {name}; known are: {known}.",
    "property_read_only": "{name} can be read but not set.",
    "time_zone_unknown": (
        "{node} knows no time zone {zone}; write one as Europe/Vienna, or install the package tzdata there."
    ),
    "changed_elsewhere": "{name} was changed by somebody else meanwhile; look at the new values and try again.",
    "stored_for_next_online": "{names} stored; takes effect when {name} next goes online.",
    # objects
    "group_unknown": "There is no group {id}; it may have been deleted.",
    "resource_unknown": "There is no resource {id}; it may have been deleted.",
    "node_unknown": "There is no node {id} in this cluster.",
    "type_unknown": "There is no resource type {name} in this cluster.",
    "network_unknown": "There is no network {name} in this cluster.",
    "object_unknown": "There is no {kind} {id}; it may have been deleted.",
    # owners and dependencies
    "no_possible_owner": "At least one node must be a possible owner.",
    "nowhere_possible": "No possible owner of {name} has the resource type {type}; install it or change the owners.",
    "node_twice": "{node} is in the list twice.",
    "not_possible_owner": "{node} is not a possible owner of {name}.",
    "type_missing_on_node": "{node} does not have the resource type {type}, which {name} needs.",
    "node_paused": "{node} is paused; resume it first.",
    "node_down": "{node} is not up ({state}).",
    "anti_affinity": "{node} runs {group}, from which it is to be kept apart.",
    "node_cannot_host": "{node} cannot host {name}.",
    "no_node_available": "No other node can run {name} now.",
    "depends_on_itself": "{name} cannot depend on itself.",
    "dependency_across_groups": (
        "{name} is in {group} and {provider} in {other}; a dependency is possible inside one group only."
    ),
    "dependency_cycle": "{name} cannot depend on {provider}: that would be a circle ({circle}).",
    "already_dependent": "{name} already depends on {provider}.",
    "not_dependent": "{name} does not depend on {provider}.",
    "dependency_missing": "{name} needs a dependency on a resource of type {type}.",
    "dependency_online": "The dependencies of {name} can be changed only while it is offline; take it offline first.",
    "others_depend_on_it": (
        "{name} is needed by {dependents}; delete what needs it as well, or remove the dependency first."
    ),
    # verbs
    "verb_does_not_apply": "“{verb}” is not possible for an object of this kind ({kind}).",
    "access_denied": "This needs the right to {needed}; ask an administrator of the cluster.",
    "already": "{name} is already {state}.",
    "group_empty": "{name} has no resources.",
    "group_not_empty": "{name} still has resources ({resources}); delete or move them first.",
    "group_stuck": "{name} could not be stopped on {node}; it stays there until that node is proven clean.",
    "group_moving": "{name} is being moved; wait until it has arrived.",
    "wrong_state": "{name} is {state}; wait until that has ended.",
    "not_online": "{name} is {state}; only an online resource can be failed.",
    "not_paused": "{name} is not paused.",
    "not_draining": "{name} is not being drained.",
    "not_drained": "No group was moved away from {name}, so none comes back; resume it without failback.",
    "not_stopped": "{name} was not stopped from here; start the machine, or its Cluster Service there.",
    "evict_member": "{name} is still a member; stop it first.",
    "evict_owner": (
        "{name} still owns {groups}; wait until another node has them, "
        "let other nodes be possible owners, or delete them."
    ),
    "evict_only_owner": "{name} is the only possible owner of {resources}; let other nodes be possible owners first.",
    "evict_last": "{name} is the only node of this cluster.",
    "not_evicted": "No node named {name} was evicted.",
    "node_evicted": (
        "{node} was evicted from the cluster {cluster}; to let it in again, write "
        "clusteradmin cluster --admit:{node} against another node."
    ),
    "maintenance_too_long": "Maintenance lasts from one second to {days} days.",
    "not_in_maintenance": "{name} is not in maintenance.",
    "node_in_maintenance": "{node} is in maintenance.",
    "drain_held_up": "{name} is not drained: no other node can take {groups}.",
    "node_not_back": "{name} is not back after {seconds} s; look at its log before the others are restarted.",
    "request_unknown": "This node's software does not know the request {request}; update it.",
    "schema_unknown": "The cluster database has schema {theirs}, this agent knows {ours}; update this node's software.",
    # quorum
    "quorum_unknown": "Which voters the cluster database has is not known yet.",
    "quorum_embedded": "The cluster database is one file on one machine, read by its nodes alone; there are no voters.",
    "quorum_embedded_loss": "If that machine or its disk fails the whole cluster stops.",
    "quorum_there": "{answering} of {voters} voters answer; {needed} are needed.",
    "quorum_missing": "{answering} of {voters} voters answer, missing: {missing}; {needed} are needed.",
    "quorum_lost": "There is no quorum: {answering} of {voters} voters answer, {needed} are needed.",
    "quorum_loss_spare": "One more voter may be lost; the cluster goes on with {left} of {voters}.",
    "quorum_loss_stop": "The loss of one more voter stops the whole cluster: all exclusive resources go offline.",
    "quorum_loss_stopped": "Nothing can be decided until {count} more voters answer; exclusive resources are offline.",
    "failover_yes": "When a node fails its groups are taken over by the others.",
    "failover_alone": "There is one node only; nobody could take over from it.",
    "failover_without_voter": (
        "When a node fails its groups are taken over by the others; if a voter fails with it the whole cluster stops."
    ),
    "failover_no_quorum": "When a node fails nobody takes over: the cluster database has no quorum.",
    "failover_no_witness": (
        "There are two nodes and no third voter as witness: when one fails the other does not take over by itself."
    ),
    "takeover_times": (
        "A node that is silent for {takeover} s is declared down and its groups are taken over; by then it has stopped "
        "them itself, at the latest {stopped} s after its last confirmed heartbeat."
    ),
    "takeover_too_early": (
        "A takeover after {takeover} s would be too early: a node needs up to {stopped} s to stop by itself."
    ),
    "heartbeats_too_rare": "Heartbeats every {interval} s are too rare for a self-stop after {self_stop} s.",
    "no_other_group": "There is no other group for {name}.",
    "no_group_yet": "There is no group yet; create one first.",
    "already_in_group": "{name} is already in {group}.",
    "groups_on_different_nodes": (
        "{name} is not offline, {group} is on {node} and {other} on {other_node}; "
        "take it offline or move one of the groups first."
    ),
    "delete_while_online": "{name} is not offline; take it offline first.",
    "node_not_settable": "The nodes of a cluster are not renamed or deleted here.",
    "still_pending": "{name} is still {state}.",
    "resource_failed": "{name} failed: {detail}",
    "move_dropped": "{name} was not moved: {detail}",
    # what only a node knows
    "program_not_found": "The program {program} is not there.",
    "program_not_executable": "The program {program} is not executable.",
    "directory_missing": "The directory {directory} is not there.",
    "user_unknown": "There is no user {user}.",
    "cannot_run_as": "The agent runs as {agent}, so it cannot run a program as {user}.",
    "no_desktop": "Nobody is logged on at the desktop and the agent has no display of its own.",
    "start_failed": "The program could not be started: {detail}",
    "address_needs_privilege": "Taking addresses needs CAP_NET_ADMIN and CAP_NET_RAW; run the agent as root.",
    "address_in_use": "The address {address} is in use by the network card {mac}; find out whose it is.",
    "address_is_the_nodes": "The address {address} is the node's own, on {interface}; choose another one.",
    "address_outside_network": (
        "The address {address} is not in the network {network}; choose another one, or set OverrideAddressMatch."
    ),
    "no_network_for_address": "No network card has an address in one subnet with {address}; set Network.",
    "no_interface_on_network": "No network card of this node is on the network {network}.",
    "several_interfaces_on_network": "Several network cards are on the network {network}: {interfaces}.",
    "address_unusable": "The address {address} is that of a whole network or group of hosts; choose one of a host.",
    "address_taken": "{name} has this address; give each resource its own.",
    "network_not_for_clients": "The network {name} is not open to clients; change its role or choose another one.",
    "network_in_use": "The network {name} carries {resources}, so it has to stay open to clients.",
    "last_internal_network": "Only {name} carries the traffic of the cluster itself; give another one that role first.",
    "link_down": "The network card {interface} has no link; look at its cable.",
    "address_refused": "The address {address} could not be taken: {detail}",
    "address_stays": "The address {address} could not be removed.",
    "no_answer": "{node} did not answer in {seconds} s.",
    "too_many_problems": "There is more that is wrong; put this right first.",
    "validation_failed": "On {node}: {detail}",
    "config_missing": "The settings file {path} cannot be read: {detail}",
    "config_invalid": "The settings file {path} is not valid: {detail}",
    "run_path_too_long": "The run directory {path} is too long for Unix sockets; choose a shorter one.",
    # declaring down: fence devices, a person's word, the brake
    "fence_too_many": "A node has at most {maximum} fence devices.",
    "fence_program_name": "“{program}” is no fence program; their names begin with fence_, as fence_ipmilan does.",
    "fence_timeout_range": "The time limit of a fence device lies between {minimum} and {maximum} s.",
    "fence_too_many_options": "A fence device has at most {maximum} options; {program} has more.",
    "fence_option_reserved": "The Cluster Service sets the option {name} itself; leave it out.",
    "fence_option_malformed": "The option {name} cannot be passed on: a name is one word, a value one line.",
    "fence_option_unknown": "{program} has no option {name}; it has {known}.",
    "fence_option_required": "{program} needs the option {name}.",
    "fence_secret_unknown": "No value of {name} is stored for {program}; enter it.",
    "fence_device_shared": "This is a fence device of {other} as well; each node needs its own outlet or system.",
    "fence_program_missing": "The program {program} is not there; install the package fence-agents.",
    "fence_program_nowhere": "The program {program} is on no node that could use it; install the package fence-agents.",
    "fence_program_rubbish": "{program} does not describe itself in a form that can be read: {detail}",
    "fence_timed_out": "{program} gave no answer within {seconds} s.",
    "fence_failed": "{program} failed with exit code {status}: {detail}",
    "fence_still_on": "The device says that the power is still on.",
    "fence_unhealthy": "The fence device does not work: {detail}",
    "fence_none": "{name} has no fence device.",
    "node_is_heard": "{name} is heard; only a node of which nothing is heard can be declared down.",
    "node_down_already": "{name} is down already.",
    "name_not_confirmed": "“{typed}” is not the name of {name}; type its name to confirm.",
    "heard_meanwhile": "{name} was heard meanwhile; look again.",
    "not_silent_enough": "{name} was heard {seconds} s ago; wait until it has been silent for {needed} s.",
    "brake_open": "The brake is not held: nothing waits to be taken over.",
    "cause_declared_off": "{user} declared that it is off.",
    # the wire
    "not_json": "The line is not valid JSON: {detail}",
    "not_encodable": "Text that is not valid Unicode cannot be sent: {detail}",
    "frame_invalid": "The frame is not valid: {detail}",
    "frame_unexpected": "A {frame} frame was not expected here.",
    "line_too_long": "A line is longer than {maximum} bytes.",
    "version_unknown": "The other side speaks protocol {theirs}, this one {ours}; update the older one.",
    "hello_missing": "The first frame must be hello.",
    "too_slow": "The workstation did not read for too long; connect again.",
    "too_many_calls": "More than {maximum} calls at a time; wait for some to end.",
    "too_many_workstations": "More than {maximum} workstations are connected to this node; connect to another one.",
    "users_unknown": "The list of users of {node} does not answer; try again, or connect to another node.",
    "service_stopping": "The Cluster Service on {node} is stopping.",
    "store_unavailable": "The cluster database cannot be reached: {detail}",
    "no_right": "{user} may not look at this cluster; an administrator can add the user to clusteradmin-readers.",
    "call_id_in_use": "A call with the id {id} is still under way.",
    "service_not_running": "The Cluster Service is not running on this node: {detail}",
    "database_unknown": "There is no kind of database {database}; write sqlite:/path/of/cluster.db, or etcd.",
    "etcd_settings_invalid": "The section etcd of the agent's settings cannot be used: {detail}.",
    "agent_still_runs": "The Cluster Service of {node} is running; stop it first.",
    "agent_cannot_stop": "Something on {node} cannot be killed; it waits for a device or file server.",
    "cause_node_leaves": "{node} is leaving the cluster.",
    "too_large": "That is more than the cluster database takes at once: {detail}",
    "result_unknown": "The cluster database did not say whether the change was made; look before trying again.",
    "owner_in_use": "{name} runs on {node}, which must stay a possible owner; move its group first.",
    "conflict": "Another change came first; try again.",
    "internal_error": "The Cluster Service met an error of its own: {detail}",
    "timed_out": "No answer within {seconds} s.",
    "unsaved_changes": (
        "{name} has changes that are not saved ({names}); call save_changes to keep them or refresh to drop them."
    ),
    "not_connected": "There is no connection to the cluster: {detail}",
    # causes of decisions
    "cause_created": "It was created here.",
    "cause_requested": "{user} asked for it.",
    "cause_asked": "It was asked for.",
    "cause_best_possible": "{node} is the best possible node: {why}.",
    "cause_owner_down": "{node} is down: {reason}; chosen because {why}.",
    "cause_owner_lost": "{node} is down; chosen because {why}.",
    "cause_owner_renewed": "{node} started anew but cannot run it now; chosen because {why}.",
    "cause_refused": "Refused: {reason}",
    "cause_node_dead": "{node} was declared down after {seconds} s of silence.",
    "cause_node_left": "{node} left the cluster.",
    "cause_node_restarted": "{node} started anew; the group was not running there any more.",
    "cause_resource_failed": "{name} failed on {node} and may not be restarted there again.",
    "cause_start_failed": "{name} could not be started on {node}.",
    "cause_failback": "{node} is the most preferred owner that can run it, and is up again.",
    "cause_no_node": "No node can run it: {reasons}",
    "cause_last_resort": "Only paused nodes are left; it stays offline there.",
    "cause_last_resort_over": "It waited on {node}, which is paused; {target} can run it now.",
    "cause_drain": "{node} is being drained.",
    "cause_drain_over": "{node} is resumed, and it was there before the drain.",
    "cause_maintenance_over": "Maintenance is over.",
    "cause_expired": "Its time was up.",
    "cause_kept": "{node} goes on with it: no other node can run it now.",
    "cause_failover_threshold": "Its limit of failovers in {hours} h is reached ({count}); it fails over no further.",
    "cause_no_other_node": "No other node can run it.",
    "cause_policy_restart": "Restart {used} of {threshold} within {period} s.",
    "cause_wanted_online": "It is wanted online.",
    "cause_wanted_offline": "It is wanted offline.",
    "cause_provider": "It needs {provider}, which is {state}.",
    "cause_provider_stops": "It needs {provider}, which goes offline.",
    "cause_provider_gone": "It needs a resource that is no longer in its group ({provider}).",
    "cause_moving": "Its group moves to {node}.",
    "cause_monitor_died": "Its Resource Monitor died, and it with it.",
    "cause_self_stop": "The node's heartbeat was not confirmed in time.",
    "cause_self_stop_over": "The node's heartbeat is confirmed again.",
    "cause_initiated": "{user} initiated the failure.",
    "cause_retry": "It is tried again after {seconds} s.",
    "cause_stuck": "{name} could not be stopped on {node}.",
    "cause_flapping": "{name} had to stop by itself on {node} more often than its restart policy allows.",
    "cause_not_claimed": "{node} did not take it within {seconds} s.",
    # events
    "event_node_up": "{name} is up",
    "event_node_down": "{name} is down: {reason}",
    "event_node_joining": "{name} joins the cluster",
    "event_node_left": "{name} left the cluster",
    "event_node_paused": "{name} paused",
    "event_node_resumed": "{name} resumed",
    "event_drain": "{name} is drained: {count} groups are to move away",
    "event_drain_cancelled": "The drain of {name} was called off; it stays paused",
    "event_node_stop": "{name} is to stop its Cluster Service",
    "event_node_start": "{name} is to start its Cluster Service again",
    "event_node_restart": "{name} is to restart its agent; the applications run on",
    "event_node_restarted": "The agent on {name} begins anew; {detail}",
    "event_node_evicted": "{name} was evicted from the cluster",
    "event_node_admitted": "{name} may join the cluster again",
    "event_maintenance": "{name} is in maintenance until {until}",
    "event_maintenance_over": "Maintenance of {name} is over",
    "event_failed_meanwhile": "{name}: {detail}",
    "event_schema": "The cluster database has schema {schema} now; agents that know less cannot join any more",
    "event_time_zone_unknown": (
        "{name} does not know the time zone {zone}, so failback windows open by its own time; install the "
        "package tzdata there, or set TimeZone of the cluster to a zone that it knows"
    ),
    "event_leader": "{name} plans for the cluster now",
    "event_brake": "{silent} of {members} nodes fell silent at once; nothing is taken over until some are back",
    "event_brake_open": "Enough nodes are back; takeover goes on as usual",
    "event_database_restored": (
        "The cluster database is not the one that {name} used: {detail}; everything here was stopped. If it is the one "
        "that shall count, run clusteragent accept-database on each node"
    ),
    "event_database_space": (
        "The cluster database fills {percent} % of what its quota allows; at 100 % no heartbeat can be written. Find "
        "out what else is kept in this etcd, or raise --quota-backend-bytes on each member"
    ),
    "event_database_full": (
        "The cluster database was full (NOSPACE) and refused commits; old revisions were removed, and it accepts them "
        "again. Raise --quota-backend-bytes on each member before it happens again"
    ),
    "event_database_defragmented": "{member} of the cluster database gave {size} MiB of unused space back",
    "event_database_sparse": (
        "{member} of the cluster database holds {size} MiB of unused space, but giving it back would stop it for about "
        "{seconds} s; run etcdctl defrag for it when a pause of that length does no harm"
    ),
    "event_voter_lost": "{member} of the cluster database does not answer; {spare} more may be lost",
    "event_voter_back": "{member} of the cluster database answers again; {spare} may be lost",
    "event_brake_opened": "{user} opened the brake for {nodes}: they are declared down and taken over now",
    "event_fence_ordered": "{name} is not heard; its fence device is asked to turn it off",
    "event_fence_cancelled": "{name} was heard again; its fence device is asked no more",
    "event_fence_failed": "{name} could not be turned off: {detail}",
    "event_fence_stuck": (
        "{name} could not be turned off, and its silence alone does not prove that it stopped: {detail}; turn it off "
        "and declare that it is off"
    ),
    "event_fence_doubtful": (
        "The fence device of {name} says that it is off, but it is heard; look which machine the device turns off"
    ),
    "event_fence_unhealthy": "The fence device of {name} does not work: {detail}",
    "event_fence_healthy": "The fence device of {name} works again",
    "event_fence_changed": "{name}: fence devices changed",
    "event_interface_failed": "{name}: the network card {adapter} has no link; look at its cable and its switch",
    "event_interface_gone": "{name}: the network card {adapter} has no address on the network {network} any more",
    "event_interface_up": "{name}: the network card {adapter} is up",
    "event_clone": "Another machine joins as {name}; give it another name, or turn one of the two off",
    "event_leader_stuck": "{name} has not planned for {seconds} s; {planner} plans for the cluster now",
    "event_woke": "{name} slept for {seconds} s; what had to stop has stopped once and starts again in place",
    "event_created": "{kind} {name} created",
    "event_deleted": "{kind} {name} deleted",
    "event_renamed": "{old} is now called {name}",
    "event_changed": "{name}: {what} changed",
    "event_requested": "{verb} requested for {name}",
    "event_online": "{name} is online on {node}",
    "event_online_pending": "{name} is starting on {node}",
    "event_offline": "{name} is offline",
    "event_offline_pending": "{name} is stopping on {node}",
    "event_failed": "{name} failed: {detail}",
    "event_restarted": "{name} was restarted on {node}: {detail}",
    "event_start_failed": "{name} could not be brought online: {detail}",
    "event_group_moving": "{name} moves from {node} to {target}",
    "event_group_assigned": "{name} is given to {node}",
    "event_group_gave_up": "{name} stays where it is: {detail}",
    "event_monitor_started": "A Resource Monitor was started on {node} (process {process})",
    "event_monitor_died": "Resource Monitor “{detail}” on {node} died; its resources are adopted or restarted",
    "event_attached": "The Cluster Service on {node} is attached to its Resource Monitor again; still running: {count}",
    "event_self_stop": "{name} was stopped: the heartbeat of {node} was not confirmed in time",
    "event_unclean": "{name} cannot stop {detail}; it is not taken over by time until that has ended or it is off",
    "event_clean": "{name} has proven that everything has stopped",
    "event_group_stuck": (
        "{name} could not be stopped on {node}; it runs nowhere else until that is proven or it is off"
    ),
    "event_guarded": "{name} stops by itself when it is cut off: another node can take its groups over",
    "event_unguarded": "{name} does not stop by itself when it is cut off: {detail}",
    "event_watchdog": "The watchdog of {name} resets it when it does not stop in time; it fires after {seconds} s",
    "event_watchdog_unused": "{name} goes without a watchdog: {detail}",
    "event_weaker": "{name} is less safe on {node} than it should be: {detail}",
    "event_notice": "{detail}",
}


class _Shown(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"({key})"


# Parameters that hold a word of the wire, such as "resource_type" or "bring_online".
_WORDS: Final = frozenset({"kind", "verb"})


def _text(name: str, value: Parameter) -> str:
    if isinstance(value, tuple):
        return (" → " if name == "circle" else ", ").join(value)
    if isinstance(value, float):
        return number_text(round(value, 3))
    return str(value).replace("_", " ") if name in _WORDS else str(value)


def render(code: str, parameters: Mapping[str, Parameter]) -> str:
    """Return the sentence for *code*; a code of a newer version is shown as it came, with its parameters."""
    pattern = SENTENCES.get(code) or DETAILS.get(code)
    if pattern is None:
        shown = ", ".join(f"{key}: {_text(key, value)}" for key, value in parameters.items())
        return f"{code} ({shown})" if shown else code
    return pattern.format_map(_Shown({key: _text(key, value) for key, value in parameters.items()}))


def sentence(problem: Problem) -> str:
    """Return the sentence that says what *problem* is, and what to do."""
    text = render(problem.code, problem.parameters)
    reasons = problem.parameters.get("reasons")
    if (
        isinstance(reasons, tuple)
        and reasons
        and problem.code in SENTENCES
        and "{reasons}" not in SENTENCES[problem.code]
    ):
        text += " " + " ".join(reasons)
    return text


def because(cause: Cause) -> str:
    """Return the sentence that says why something was decided."""
    text = render(cause.rule, cause.parameters)
    return f"{text} “{cause.note}”" if cause.note else text
