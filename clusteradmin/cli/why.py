"""``group NAME --why``: why the group is where it is, and why on no other node."""

from __future__ import annotations

from clusteradmin.cli.describe import local_moment, moment
from clusteradmin.cli.session import Session
from nodeagent.api.objects import Group
from nodeagent.api.texts import because, sentence
from nodeagent.planner.explaining import Standing, explain


def why(session: Session, group: Group) -> None:
    """Print the cause of the last decision, who was refused then, and what of each node now."""
    cluster = session.snapshot
    found = explain(group, cluster)
    said = because(found.cause) if found.cause else ""
    owner = cluster.node_name(group.owner)
    session.output.say(f"{group.name} is on {owner}." if owner else f"No node has {group.name}.")
    if said:
        session.output.say(f"Decided at {local_moment(group.since)}: {said}" if group.since else said)
    rows = [(one.name, _answer(one), sentence(one.then) if one.then else "") for one in found.nodes]
    session.output.table(
        ("Node", "Now", "Refused then"),
        rows,
        {
            "name": group.name,
            "owner": owner or None,
            "cause": said or None,
            "since": moment(group.since),
            "nodes": [
                {
                    "name": one.name,
                    "here": one.here,
                    "problem": sentence(one.problem) if one.problem else None,
                    "refused_then": sentence(one.then) if one.then else None,
                }
                for one in found.nodes
            ],
        },
    )


def _answer(one: Standing) -> str:
    if one.here:
        return f"it is here; {sentence(one.problem)}" if one.problem else "it is here"
    return sentence(one.problem) if one.problem else "could take it"
