"""High Availability Notepad: the paper's script, in Python.

Creates (or opens) a group with one Generic Application, gives it a command line, and brings it online:

    python examples/high_availability_notepad.py [--cluster TARGET] [--program "xedit"]

It can be run again: what is there already is opened, and its settings are set anew. Kill the program afterwards, and
watch the cluster start it again; switch its node off, and watch it start on another one.
"""

from __future__ import annotations

import argparse
import shutil
import sys

from clusteradmin.automation import Cluster, ClusterError, Resource, ResourceGroup, ResourceState

GROUP = "High Availability Notepad"
RESOURCE = "Notepad"
TYPE = "Generic Application"

# Programs that draw a window, first of all one like Notepad; the last one does nothing, but does it reliably.
WITH_WINDOW = ("xedit", "mousepad", "gedit", "kwrite", "xterm", "xclock")
WITHOUT_WINDOW = "sleep infinity"


def add_group(cluster: Cluster) -> ResourceGroup:
    """Create or open the group."""
    if GROUP in cluster.resource_groups:
        return cluster.resource_groups.item(GROUP)
    return cluster.resource_groups.create_item(GROUP)


def add_resource(group: ResourceGroup, program: str, directory: str, *, window: bool) -> Resource:
    """Create or open the resource, and set its properties."""
    if RESOURCE in group.resources:
        resource = group.resources.item(RESOURCE)
    else:
        resource = group.resources.create_item(RESOURCE, TYPE, 0)
    properties = resource.private_properties
    properties["CommandLine"] = program
    properties["CurrentDirectory"] = directory
    properties["InteractWithDesktop"] = window
    # The paper's script forgets this: until here, nothing has left this program.
    for notice in properties.save_changes():
        print(f"  note: {ClusterError(notice)}")
    return resource


def run(target: str, program: str, directory: str, timeout: float, *, window: bool) -> int:
    """Do what the paper's Main does; return an exit code."""
    with Cluster().open(target) as cluster:
        print(f"Connected to {cluster.name}.")
        group = add_group(cluster)
        print(f"Group: {group.name}")
        resource = add_resource(group, program, directory, window=window)
        print(f"Resource: {resource.name}, which runs “{program}”")
        print(f"Bringing it online, for up to {timeout:g} s ...")
        if resource.state is not ResourceState.ONLINE and resource.online(timeout):
            print(f"It is still {resource.state.name.replace('_', ' ').title()}.")
            return 3
        owner = resource.owner_node
        print(f"Online on {owner.name if owner else 'no node'}, process {resource.process_id}.")
    return 0


def usual_program() -> tuple[str, bool]:
    """Return a program that this machine has, and whether it draws a window."""
    for name in WITH_WINDOW:
        if found := shutil.which(name):
            return found, True
    return WITHOUT_WINDOW, False


def main() -> int:
    parser = argparse.ArgumentParser(description="Make a program highly available.")
    parser.add_argument("--cluster", default="", help="saved connection, [user@]host[:port], or unix:/path")
    parser.add_argument("--program", help="command line to run; by default a text editor, or “sleep infinity”")
    parser.add_argument("--directory", default="/", help="directory in which it runs")
    parser.add_argument("--timeout", type=float, default=10.0, help="how long to wait for it, in seconds")
    parser.add_argument(
        "--window", action=argparse.BooleanOptionalAction, help="let it draw on the desktop; by default as it needs"
    )
    options = parser.parse_args()
    program, window = (options.program, False) if options.program else usual_program()
    if options.window is not None:
        window = options.window
    try:
        return run(options.cluster, program, options.directory, options.timeout, window=window)
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
